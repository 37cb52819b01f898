package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxcd/pkg/kustomize"
)

type builds struct {
	Sources map[string]map[string]string `json:"sources"`
	Specs   map[string]json.RawMessage   `json:"specs"`
	Cases   []built                      `json:"cases"`
}

type built struct {
	Source string `json:"source"`
	Spec   string `json:"spec"`
	YAML   string `json:"yaml,omitempty"`
	Error  string `json:"error,omitempty"`
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg\ndata:\n  a: '1'\n  b: '${V}'\n"
const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {app: web}\nspec:\n  replicas: 1\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - name: c\n        image: example.com/app:1.0\n        envFrom:\n        - configMapRef: {name: cfg}\n      - name: d\n        image: example.com/other@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3\n"
const component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {comp: 'yes'}\n"

// Sources, each built at app/.
var sources = map[string]map[string]string{
	"plain":            {"app/cm.yaml": configMap, "app/web.yml": deployment, "app/README.md": "x", "comp/kustomization.yaml": component},
	"nested":           {"app/b/cm.yaml": configMap, "app/a/web.yaml": deployment, "app/a.yaml": strings.ReplaceAll(configMap, "cfg", "first"), "app/a-b.yaml": strings.ReplaceAll(configMap, "cfg", "dash")},
	"sub":              {"app/sub/kustomization.yaml": "resources: [cm.yaml]\nnamePrefix: sub-\n", "app/sub/cm.yaml": configMap, "app/sub/unused.yaml": "not: kubernetes\n", "app/web.yaml": deployment},
	"sub-yml":          {"app/sub/kustomization.yml": "resources: [cm.yaml]\n", "app/sub/cm.yaml": configMap, "app/other/Kustomization": "resources: [../sub]\nnameSuffix: -o\n"},
	"file":             {"app/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [cm.yaml, web.yaml]\nnamePrefix: file-\nnamespace: file\nimages:\n- {name: example.com/app, newName: mirror/app, newTag: '2'}\npatches:\n- {patch: '- {op: add, path: /data/p, value: file}', target: {kind: ConfigMap}}\nbuildMetadata: [originAnnotations]\n", "app/cm.yaml": configMap, "app/web.yaml": deployment, "comp/kustomization.yaml": component},
	"file-yml":         {"app/kustomization.yml": "resources: [cm.yaml]\n", "app/cm.yaml": configMap, "app/not-listed.yaml": "a: [\n"},
	"file-plain-name":  {"app/Kustomization": "resources: [cm.yaml]\n", "app/cm.yaml": configMap},
	"two-files":        {"app/kustomization.yaml": "resources: [cm.yaml]\n", "app/kustomization.yml": "resources: []\n", "app/cm.yaml": configMap},
	"no-resources":     {"app/kustomization.yaml": "configMapGenerator:\n- {name: gen, literals: [a=b]}\nsecretGenerator:\n- {name: sec, literals: [c=d]}\n"},
	"empty-file":       {"app/kustomization.yaml": ""},
	"only-type":        {"app/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"},
	"unknown-field":    {"app/kustomization.yaml": "resources: [cm.yaml]\nnosuch: 1\nspec: {a: b}\n", "app/cm.yaml": configMap},
	"flux-object":      {"app/kustomization.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\nspec: {path: ./}\n"},
	"bases":            {"app/kustomization.yaml": "bases: [../base]\ncommonLabels: {team: blue}\n", "base/kustomization.yaml": "resources: [cm.yaml]\n", "base/cm.yaml": configMap},
	"legacy-patches":   {"app/kustomization.yaml": "resources: [web.yaml]\npatchesStrategicMerge:\n- |-\n  apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n  spec: {replicas: 5}\npatchesJson6902:\n- {target: {group: apps, version: v1, kind: Deployment, name: web}, patch: '- {op: add, path: /metadata/labels/x, value: y}'}\n", "app/web.yaml": deployment},
	"generators":       {"app/kustomization.yaml": "resources: [web.yaml]\nconfigMapGenerator:\n- {name: cfg, files: [k=v.txt], envs: [e.env]}\ngeneratorOptions: {labels: {gen: 'yes'}}\n", "app/web.yaml": deployment, "app/v.txt": "text ${V}\nmore\n", "app/e.env": "A=1\nB=two\n"},
	"lists":            {"app/list.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n- {apiVersion: v1, kind: ConfigMapList, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: two}}]}\n"},
	"documents":        {"app/all.yaml": "---\n# comment\n---\n" + configMap + "---\n" + deployment + "---\n"},
	"empty":            {"app/README.md": "nothing here"},
	"comments":         {"app/empty.yaml": "# nothing\n", "app/cm.yaml": configMap},
	"not-kubernetes":   {"app/cm.yaml": configMap, "app/values.yaml": "replicas: 3\n"},
	"no-name":          {"app/cm.yaml": "apiVersion: v1\nkind: ConfigMap\n"},
	"scalar":           {"app/x.yaml": "just text\n"},
	"sequence":         {"app/x.yaml": "- a\n- b\n"},
	"bad-yaml":         {"app/x.yaml": "a: [\n"},
	"nil-item":         {"app/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nlist: [a, null]\n"},
	"duplicate":        {"app/a.yaml": configMap, "app/b.yaml": configMap},
	"cluster-scoped":   {"app/x.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}\nsubjects: [{kind: ServiceAccount, name: sa, namespace: old}]\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa, namespace: old}\n"},
	"types":            {"app/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg\n  annotations: {on: 'off', n: '012', f: '1.0', e: '', t: \"2001-01-01\"}\ndata:\n  multi: |\n    line 1\n    ${V}\n  folded: >-\n    a\n    b\n  quoted: 'it''s ${V:=d}'\n  empty: ''\n  number: '${N:=5}'\n"},
	"disabled":         {"app/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg\n  labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}\ndata: {a: '${V}', b: '${'}\n", "app/b.yaml": strings.ReplaceAll(configMap, "cfg", "b")},
	"custom-resources": {"app/x.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: {replicas: 01, ratio: 1.50, big: 123456789012345678, text: yes, list: [1, 2], nested: {deep: {er: null}}}\n"},
	"resource-escape":  {"app/kustomization.yaml": "resources: [../../x.yaml]\n"},
	"dot-names":        {"app/.hidden/cm.yaml": configMap, "app/.yaml": strings.ReplaceAll(configMap, "cfg", "dotted"), "app/x.json": "{}"},
}

var specs = map[string]string{
	"bare":       `{}`,
	"names":      `{"targetNamespace": "target", "namePrefix": "pre-", "nameSuffix": "-suf"}`,
	"patches":    `{"patches": [{"patch": "- {op: add, path: /metadata/labels, value: {patched: 'yes'}}", "target": {"kind": "ConfigMap|Deployment"}}, {"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 7}\n", "target": {"kind": "Deployment", "name": "w.*"}}]}`,
	"images":     `{"images": [{"name": "example.com/app", "newTag": "3"}, {"name": "example.com/other", "newName": "x/other", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}]}`,
	"components": `{"components": ["../comp", "../none"], "ignoreMissingComponents": true}`,
	"missing":    `{"components": ["../none"]}`,
	"remote":     `{"components": ["https://example.com/x"]}`,
	"metadata":   `{"buildMetadata": ["originAnnotations", "transformerAnnotations"]}`,
	"vars":       `{"postBuild": {"substitute": {"V": "value", "N": "7"}}}`,
	"vars-types": `{"postBuild": {"substitute": {"V": "true\n", "N": "x: y"}}}`,
	"always":     `{"postBuild": {"substituteStrategy": "Always"}}`,
	"no-vars":    `{"postBuild": {}}`,
	"everything": `{"targetNamespace": "t", "namePrefix": "p-", "images": [{"name": "example.com/app", "newTag": "9"}], "patches": [{"patch": "- {op: add, path: /data/a, value: '${V}'}", "target": {"kind": "ConfigMap", "name": "cfg"}}], "postBuild": {"substitute": {"V": "last"}}}`,
}

func recordBuild() any {
	out := builds{Sources: sources, Specs: map[string]json.RawMessage{}}
	for name, spec := range specs {
		out.Specs[name] = json.RawMessage(spec)
	}
	for _, source := range keys(sources) {
		for _, spec := range keys(specs) {
			out.Cases = append(out.Cases, buildOne(source, spec))
		}
	}
	return out
}

func buildOne(source, spec string) (out built) {
	out = built{Source: source, Spec: spec}
	root, err := os.MkdirTemp("", "flux-pkg-")
	must(err)
	defer os.RemoveAll(root)
	for path, content := range sources[source] {
		must(os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755))
		must(os.WriteFile(filepath.Join(root, path), []byte(content), 0o644))
	}
	var fields map[string]any
	must(json.Unmarshal([]byte(specs[spec]), &fields))
	object := unstructured.Unstructured{Object: map[string]any{"spec": fields}}
	result, err := pipeline(root, object, fields)
	if err != nil {
		out.Error = strings.ReplaceAll(err.Error(), root, "<root>")
		return out
	}
	out.YAML = result
	return out
}

// As kustomize-controller 1.9 does it.
func pipeline(root string, object unstructured.Unstructured, fields map[string]any) (string, error) {
	dir := filepath.Join(root, "app")
	if _, err := kustomize.NewGenerator(root, object).WriteFile(dir); err != nil {
		return "", err
	}
	resources, err := kustomize.SecureBuild(root, dir, false)
	if err != nil {
		return "", err
	}
	for _, resource := range resources.Resources() {
		postBuild, ok := fields["postBuild"].(map[string]any)
		if !ok {
			continue
		}
		changed, err := kustomize.SubstituteVariables(context.Background(), nil, object, resource,
			kustomize.SubstituteWithStrict(true), kustomize.SubstituteWithAlways(postBuild["substituteStrategy"] == "Always"))
		if err != nil {
			return "", err
		}
		if changed != nil {
			if _, err := resources.Replace(resource); err != nil {
				return "", err
			}
		}
	}
	yaml, err := resources.AsYaml()
	return string(yaml), err
}
