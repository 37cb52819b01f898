//! Templates that make manifests.
use conformance::random::Dice;

use crate::{
    expressions::{expression, operand},
    values::word,
};

const KINDS: [(&str, &str); 26] = [
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "Namespace"),
    ("v1", "Pod"),
    ("v1", "List"),
    ("v1", "PersistentVolume"),
    ("v1", "LimitRange"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "IngressClass"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("policy/v1", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("example.com/v1", "Thing"),
];
const HOOKS: [&str; 13] = [
    "pre-install",
    "post-install",
    "pre-upgrade",
    "post-delete,pre-delete",
    "test",
    "test-success",
    "pre-rollback, post-rollback",
    "PRE-INSTALL",
    "unknown",
    "pre-install,unknown",
    "",
    "crd-install",
    "post-upgrade",
];
const SEPARATORS: [&str; 8] = [
    "---\n",
    "---\n",
    "---\n",
    "--- \n",
    "--- # next\n",
    "\n---\n\n",
    "---\n---\n",
    "---\n# only a comment\n---\n",
];

/// What is being written, and the features it uses.
pub(crate) struct Writer<'d> {
    pub(crate) dice: &'d mut Dice,
    pub(crate) used: Vec<&'static str>,
    /// Makes keys unlike each other.
    key: usize,
    out: String,
}

impl<'d> Writer<'d> {
    pub(crate) fn new(dice: &'d mut Dice) -> Self {
        Self { dice, used: Vec::new(), key: 0, out: String::new() }
    }

    pub(crate) fn done(self) -> (String, Vec<&'static str>) {
        (self.out, self.used)
    }

    fn key(&mut self) -> String {
        self.key += 1;
        format!("k{}", self.key)
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn say(&mut self, kind: char, depth: usize) -> String {
        expression(kind, depth, &mut self.used, self.dice)
    }

    fn operand(&mut self, kind: char, depth: usize) -> String {
        operand(kind, depth, &mut self.used, self.dice)
    }

    /// A file of manifests.
    pub(crate) fn file(&mut self) {
        match self.dice.below(12) {
            0 => self.put("{{- if $.Values.flag }}\n"),
            1 => self.put("{{/* a comment */}}\n"),
            2 => self.put("# a leading comment\n"),
            3 => self.put("---\n"),
            4 => self.put("{{- $v := \"of the file\" -}}\n"),
            _ => {}
        }
        let guarded = self.out.starts_with("{{- if");
        for at in 0..1 + self.dice.below(3) {
            if at > 0 {
                let separator = word(self.dice, &SEPARATORS);
                self.put(separator);
            }
            self.document();
        }
        if guarded {
            self.put("{{- end }}\n");
        }
    }

    fn document(&mut self) {
        if self.dice.chance(6) {
            return self.put("# nothing but a comment\n");
        }
        let (version, kind) = *self.dice.pick(&KINDS);
        self.put(&format!("apiVersion: {version}\nkind: {kind}\nmetadata:\n"));
        let name = match self.dice.below(5) {
            0 => "fixed".to_owned(),
            1 => "{{ include \"own.name\" $ }}-x".to_owned(),
            2 => "\"{{ $.Release.Name }}\"".to_owned(),
            _ => format!("n{}", self.dice.below(9)),
        };
        self.put(&format!("  name: {name}\n"));
        if self.dice.chance(30) {
            self.put("  labels:\n    {{- include \"own.labels\" $ | nindent 4 }}\n");
        }
        if self.dice.chance(22) {
            self.hook();
        } else if self.dice.chance(15) {
            self.put("  annotations:\n    \"helm.sh/resource-policy\": keep\n");
        }
        self.put("data:\n");
        for _ in 0..1 + self.dice.below(6) {
            self.field(1);
        }
    }

    fn hook(&mut self) {
        self.used.push("hooks");
        let hook = word(self.dice, &HOOKS);
        self.put(&format!("  annotations:\n    \"helm.sh/hook\": {hook}\n"));
        if self.dice.chance(60) {
            let weight = word(
                self.dice,
                &["\"1\"", "\"-5\"", "\"0\"", "\"10\"", "\"x\"", "\"+3\"", "\"007\"", "\"\""],
            );
            self.put(&format!("    \"helm.sh/hook-weight\": {weight}\n"));
        }
        if self.dice.chance(40) {
            let policy = word(self.dice, &["hook-succeeded", "before-hook-creation,hook-failed", "never"]);
            self.put(&format!("    helm.sh/hook-delete-policy: {policy}\n"));
        }
    }

    fn field(&mut self, depth: usize) {
        let key = self.key();
        let pad = "  ";
        match self.dice.below(if depth == 0 { 8 } else { 16 }) {
            0..=2 => {
                let value = self.say('S', 3);
                self.put(&format!("{pad}{key}: {{{{ {value} | quote }}}}\n"));
            }
            3 | 4 => {
                let value = self.operand('A', 3);
                let how = word(
                    self.dice,
                    &["toJson | quote", "toYaml | quote", "toString | quote", "toJson", "toString | b64enc"],
                );
                self.put(&format!("{pad}{key}: {{{{ {value} | {how} }}}}\n"));
            }
            5 => {
                let kind = *self.dice.pick(&['A', 'M', 'L']);
                let value = self.operand(kind, 2);
                self.put(&format!("{pad}{key}:\n{pad}  {{{{- toYaml {value} | nindent 4 }}}}\n"));
            }
            6 => {
                let value = self.operand('A', 2);
                self.put(&format!("{pad}{key}: |2-\n{pad}  {{{{- {value} | toString | nindent 4 }}}}\n"));
            }
            7 => {
                let (kind, depth) = (*self.dice.pick(&['N', 'B']), 2);
                let value = self.say(kind, depth);
                self.put(&format!("{pad}{key}: {{{{ {value} }}}}\n"));
            }
            8 => self.conditional(depth),
            9 => self.list_range(&key),
            10 => self.map_range(&key),
            11 => self.with(&key),
            12 => self.variable(&key),
            13 => self.files(&key),
            14 => self.rare(&key),
            _ => {
                // What is printed without quotes may be anything.
                let value = self.say('A', 1);
                self.put(&format!("{pad}{key}: 'x{{{{ {value} | toString | replace \"'\" \"\" | replace \"\\n\" \" \" }}}}'\n"));
            }
        }
    }

    fn conditional(&mut self, depth: usize) {
        self.used.push("if");
        let condition = self.operand('B', 2);
        self.put(&format!("{{{{- if {condition} }}}}\n"));
        self.field(depth - 1);
        if self.dice.chance(40) {
            let other = self.operand('A', 2);
            self.put(&format!("{{{{- else if {other} }}}}\n"));
            self.field(depth - 1);
        }
        if self.dice.chance(50) {
            self.put("{{- else }}\n");
            self.field(depth - 1);
        }
        self.put("{{- end }}\n");
    }

    fn list_range(&mut self, key: &str) {
        self.used.push("range: list");
        let list = self.operand('L', 2);
        let body = word(
            self.dice,
            &[
                "{{ . | toJson | quote }}",
                "{{ toYaml . | quote }}",
                "{{ $i }}",
                "{{ $e | toString | quote }}",
                "{{ if eq $i 1 }}{{ break }}{{ end }}x",
                "{{ kindOf $e }}",
            ],
        );
        self.put(&format!("  {key}:\n  {{{{- range $i, $e := {list} }}}}\n    - {body}\n"));
        if self.dice.chance(30) {
            self.put("  {{- else }}\n    - none\n");
        }
        self.put("  {{- end }}\n");
    }

    fn map_range(&mut self, key: &str) {
        self.used.push("range: map");
        let map = self.operand('M', 2);
        let body = word(
            self.dice,
            &[
                "{{ $v | toJson | quote }}",
                "{{ $v | toString | quote }}",
                "{{ $v | quote }}",
                "{{ typeOf $v }}",
            ],
        );
        self.put(&format!("  {key}:\n  {{{{- range $k, $v := {map} }}}}\n    {{{{ $k | quote }}}}: {body}\n  {{{{- end }}}}\n"));
    }

    fn with(&mut self, key: &str) {
        self.used.push("with");
        let value = self.operand('A', 2);
        self.put(&format!("  {{{{- with {value} }}}}\n  {key}: {{{{ . | toJson | quote }}}}\n"));
        if self.dice.chance(40) {
            self.put(&format!("  {{{{- else with $.Values.str }}}}\n  {key}: {{{{ . | quote }}}}\n"));
        }
        if self.dice.chance(40) {
            self.put(&format!("  {{{{- else }}}}\n  {key}: none\n"));
        }
        self.put("  {{- end }}\n");
    }

    fn variable(&mut self, key: &str) {
        self.used.push("variables");
        let value = self.operand('A', 2);
        let other = self.operand('A', 1);
        self.put(&format!("  {{{{- $x := {value} }}}}\n"));
        if self.dice.chance(50) {
            self.put(&format!("  {{{{- if $.Values.flag }}}}{{{{- $x = {other} }}}}{{{{- end }}}}\n"));
        }
        self.put(&format!("  {key}: {{{{ $x | toJson | quote }}}}\n"));
    }

    fn files(&mut self, key: &str) {
        self.used.push("files");
        let text = word(
            self.dice,
            &[
                "  KEY:\n    {{- (.Files.Glob \"files/*\").AsConfig | nindent 4 }}",
                "  KEY:\n    {{- (.Files.Glob \"**.txt\").AsSecrets | nindent 4 }}",
                "  KEY: {{ .Files.Get \"missing\" | quote }}",
                "  KEY: |-\n    {{- .Files.Get \"files/a.txt\" | nindent 4 }}",
                "  KEY: {{ .Files.GetBytes \"files/b.json\" | toString | quote }}",
                "  KEY:\n  {{- range $path, $_ := .Files.Glob \"files/**\" }}\n    {{ $path | base | quote }}: {{ $.Files.Get $path | quote }}\n  {{- end }}",
                "  KEY:\n  {{- range .Files.Lines \"conf.txt\" }}\n    - {{ . | quote }}\n  {{- end }}",
                "  KEY: {{ len (.Files.Glob \"*\") }}",
                "  KEY: {{ tpl (.Files.Get \"conf.txt\") . | quote }}",
                "  KEY: {{ .Files | len }}",
                "  KEY: {{ (.Files.Glob \"{conf,x}.txt\") | toJson | quote }}",
                "  KEY: {{ (fromJson (.Files.Get \"files/b.json\")).b | quote }}",
            ],
        );
        self.put(&text.replace("KEY", key).replace("(.Files", "($.Files").replace(" .Files", " $.Files"));
        self.put("\n");
    }

    /// Fields that say more about the engine than about charts.
    fn rare(&mut self, key: &str) {
        self.used.push("rare");
        let text = word(
            self.dice,
            &[
                "{{- define \"in.place\" }}[{{ . }}]{{ end }}\n  KEY: {{ include \"in.place\" 3 | quote }}",
                "  KEY: {{ template \"own.name\" $ }}",
                "  KEY: {{ block \"own.block\" $.Values.num }}b{{ . }}{{ end }}",
                "  {{- $_ := set $.Values \"added\" \"by a template\" }}\n  KEY: {{ $.Values.added }}",
                "  {{- $_ := set $.Values.map \"zz\" 1 }}\n  KEY: {{ $.Values.map.zz }}",
                "  KEY: {{ $.Subcharts | keys | sortAlpha | join \",\" | quote }}",
                "  {{- range $name, $sub := $.Subcharts }}\n  KEY{{ $name | replace \"-\" \"\" }}: {{ $sub.Values.str | quote }}\n  {{- end }}",
                "  KEY: {{ required \"a value for it\" $.Values.map }}",
                "  KEY: {{ ($.Values.nope).deeper }}",
                "  KEY: {{ if $.Values.nope }}{{ fail \"never\" }}{{ else }}fine{{ end }}",
                "  KEY: {{ (index $.Values \"nested\" \"image\").tag | quote }}",
                "  KEY: {{ $.Values.nested.image.repository }}:{{ $.Values.nested.image.tag | default $.Chart.AppVersion }}",
                "  KEY: {{ (lookup \"v1\" \"ConfigMap\" \"\" \"\").items | quote }}",
                "  KEY: {{ $.Capabilities.APIVersions | first }}",
                "  KEY: {{ $.Capabilities.KubeVersion.GitVersion }} {{ $.Capabilities.KubeVersion.Major }}",
                "  KEY: {{ $.Values.AsMap | len }}",
                "  KEY: t{{ $.Chart.Type }} {{ $.Chart.Icon | quote }} {{ $.Chart.Deprecated }}",
                "  KEY: '{{- /* trimmed */ -}} {{- \" x \" -}} '",
                "  KEY: {{ len $.Template.Name }}{{ print nil }}{{ printf \"%v\" $.Values.nope }}",
                "  KEY: {{ $.Values.num }}{{ $.Values.flag }}",
                "  KEY: {{ toYaml $.Chart | quote }}",
                "  KEY: {{ toJson $.Capabilities.KubeVersion | quote }}",
                "  KEY: {{ range 3 }}{{ . }}{{ end }}",
                "  KEY: {{ typeOf $ }} {{ typeOf $.Values }} {{ typeOf $.Files }} {{ typeOf $.Chart }} {{ kindOf $.Release }}",
                "  KEY: {{ $.Values.list | first | quote }}{{ $.Values.map.a | quote }}",
            ],
        );
        self.put(&text.replace("KEY", key));
        self.put("\n");
    }

    /// Named templates, `NAME` of this chart.
    pub(crate) fn helpers(&mut self, chart: &str) {
        let value = self.say('S', 1);
        let shared = if self.dice.chance(50) { "own" } else { chart };
        self.put(&format!("{{{{/* Names. */}}}}\n{{{{- define \"{shared}.name\" -}}}}\n"));
        self.put(
            "{{- default $.Chart.Name $.Values.nameOverride | trunc 63 | trimSuffix \"-\" }}\n{{- end }}\n",
        );
        if shared != "own" {
            self.put(&format!(
                "{{{{ define \"own.name\" }}}}{{{{ include \"{chart}.name\" . }}}}{{{{ end }}}}\n"
            ));
        }
        self.put("{{- define \"own.labels\" -}}\napp: {{ include \"own.name\" . }}\n");
        self.put("helm.sh/chart: {{ printf \"%s-%s\" .Chart.Name .Chart.Version | replace \"+\" \"_\" }}\n");
        if !value.contains("include") && !value.contains("tpl") {
            self.put(&format!("own: {{{{ {value} | quote }}}}\n"));
        }
        self.put("{{- end -}}\n{{- define \"own.any\" }}{{ toJson . }}{{ end }}\n");
    }
}
