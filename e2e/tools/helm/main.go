// Asks Helm's and Flux's own packages what crate helm-release is compared with:
//
//	go run . > ../../../crates/helm-release/tests/corpus/recorded.json
//
// Run by hand when a version moves; the recorded file is committed.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/chartutil"
	"github.com/go-logr/logr"
	"github.com/opencontainers/go-digest"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	rcommon "helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

type digested struct {
	Values string `json:"values"`
	Digest string `json:"digest"`
}

type reference struct {
	Content    string `json:"content"`
	TargetPath string `json:"targetPath,omitempty"`
	Literal    bool   `json:"literal,omitempty"`
}

type composed struct {
	Inline string      `json:"inline"`
	Refs   []reference `json:"refs"`
	Values any         `json:"values,omitempty"`
	Digest string      `json:"digest,omitempty"`
	Error  string      `json:"error,omitempty"`
}

type stored struct {
	Labels      map[string]string `json:"labels"`
	JSON        string            `json:"json"`
	Data        string            `json:"data"`
	Observation string            `json:"observation"`
	Digest      string            `json:"digest"`
}

type recorded struct {
	Digests  []digested `json:"digests"`
	Composed []composed `json:"composed"`
	Stored   []stored   `json:"stored"`
}

// What helm-controller hashes: its fields, in its order.
type observation struct {
	Name          string         `json:"name"`
	Version       int            `json:"version"`
	Info          release.Info   `json:"info"`
	ChartMetadata chart.Metadata `json:"chartMetadata"`
	Config        map[string]any `json:"config"`
	Manifest      string         `json:"manifest"`
	Hooks         []release.Hook `json:"hooks"`
	Namespace     string         `json:"namespace"`
	OCIDigest     string         `json:"ociDigest,omitempty"`
}

func main() {
	all := recorded{}
	for _, text := range valuesTexts {
		all.Digests = append(all.Digests, digested{text, chartutil.DigestValues(digest.SHA256, values(text)).String()})
	}
	for _, each := range compositions {
		all.Composed = append(all.Composed, compose(each))
	}
	for _, each := range releases() {
		all.Stored = append(all.Stored, store(each))
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	check(out.Encode(all))
}

func values(text string) common.Values {
	values, err := common.ReadValues([]byte(text))
	check(err)
	return values
}

// A client that knows one ConfigMap for each content.
type contents struct {
	client.Client
	refs []reference
}

func (c contents) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	var index int
	_, err := fmt.Sscanf(key.Name, "ref-%d", &index)
	check(err)
	into.(*corev1.ConfigMap).Data = map[string]string{"values.yaml": c.refs[index].Content}
	return nil
}

func compose(each composed) composed {
	var refs []meta.ValuesReference
	for i, ref := range each.Refs {
		name := fmt.Sprintf("ref-%d", i)
		refs = append(refs, meta.ValuesReference{Kind: "ConfigMap", Name: name, TargetPath: ref.TargetPath, Literal: ref.Literal})
	}
	result, err := chartutil.ChartValuesFromReferences(context.Background(), logr.Discard(), contents{refs: each.Refs}, "ns", values(each.Inline), refs...)
	if err != nil {
		each.Error = err.Error()
		return each
	}
	each.Values, each.Digest = result, chartutil.DigestValues(digest.SHA256, result).String()
	return each
}

func store(rel *release.Release) stored {
	secrets := kubefake.NewSimpleClientset().CoreV1().Secrets("ns")
	check(driver.NewSecrets(secrets).Create("key", rel))
	secret, err := secrets.Get(context.Background(), "key", metav1.GetOptions{})
	check(err)
	delete(secret.Labels, "createdAt")
	data := string(secret.Data["release"])
	text, sum := observe(rel)
	return stored{secret.Labels, unpack(data), data, text, sum}
}

func unpack(data string) string {
	packed, err := base64.StdEncoding.DecodeString(data)
	check(err)
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	check(err)
	text, err := io.ReadAll(reader)
	check(err)
	return string(text)
}

func observe(rel *release.Release) (string, string) {
	seen := observation{Name: rel.Name, Version: rel.Version, Manifest: rel.Manifest, Namespace: rel.Namespace, Info: *rel.Info, ChartMetadata: *rel.Chart.Metadata}
	if len(rel.Config) > 0 {
		seen.Config = rel.Config
	}
	for _, hook := range rel.Hooks {
		if len(hook.Events) == 0 || hook.Events[0] != release.HookTest {
			seen.Hooks = append(seen.Hooks, *hook)
		}
	}
	var text bytes.Buffer
	check(json.NewEncoder(&text).Encode(seen))
	return text.String(), digest.SHA256.FromBytes(text.Bytes()).String()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func moment(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	check(err)
	return at
}

var valuesTexts = []string{
	"", "{}", "a: 1\n", "b: 2\na: 1\na10: x\na9: y\n", "a: [{z: 1, y2: 2}, [3, {b: 1, a: 2}]]\n", "a: null\nb: {}\nc: []\n",
	"f: 1.5\ng: 1e21\nh: 12345678\ni: 0.0000001\nj: -3\nk: 1e300\nl: 100000000000000000000\n", "s: 'yes'\nt: \"1\"\nu: 'null'\nv: ''\nw: ' x '\n",
	"m: |\n  line1\n  line2\nn: \"a\\tb\"\no: 'x: y'\np: \"é ☃ 😀\"\n", "long: " + "word word word word word word word word word word word word word word word word word word\n",
	"A: 1\na: 2\n_: 3\n\"1\": 4\n\"-\": 5\n", "'true': 1\n'no': 2\n'': 3\n", "t: true\nf: false\n", "d: 2001-01-01\ne: 12:30:45\ng: 0x1F\nh: 017\n",
}

var compositions = []composed{
	{Inline: "a: 1\n"},
	{Inline: "c: inline\n", Refs: []reference{{Content: "a: 1\nb: {x: 1}\nc: 1\n"}, {Content: "a: 2\nb: {z: null}\n"}}},
	{Inline: "a: {b: 1, c: 3}\n", Refs: []reference{{Content: "2", TargetPath: "a.b"}}},
	{Inline: "a: 1\n", Refs: []reference{{Content: "2", TargetPath: "a"}}},
	{Inline: "a: {b: 1}\n", Refs: []reference{{Content: "a: {b: 0}\n"}, {Content: "2", TargetPath: "a.b"}}},
	{Inline: "a: {b: 1, c: 3}\n", Refs: []reference{{Content: "2", TargetPath: "a.b"}, {Content: "5", TargetPath: "a.c"}}},
	{Inline: "a: {b: {c: 1}}\n", Refs: []reference{{Content: "a: {x: 1}\n"}, {Content: "2", TargetPath: "a.b.c"}}},
	{Inline: "a: {b: {c: 1}}\n", Refs: []reference{{Content: "a: {b: {d: 0}}\n"}, {Content: "2", TargetPath: "a.b.c"}}},
	{Inline: "l: [1, {k: v}]\n", Refs: []reference{{Content: "2", TargetPath: "l[0]"}}},
	{Inline: "l: [1, {k: v}]\n", Refs: []reference{{Content: "2", TargetPath: "l[1].k"}}},
	{Inline: "l: [1, {k: v}]\n", Refs: []reference{{Content: "2", TargetPath: "l[3]"}}},
	{Inline: "o: {l: [1, {k: v}]}\n", Refs: []reference{{Content: "2", TargetPath: "o.l[3]"}}},
	{Inline: "l: [1]\n", Refs: []reference{{Content: "l: [5, 6]\n"}, {Content: "2", TargetPath: "l[0]"}}},
	{Inline: "", Refs: []reference{{Content: "'5'", TargetPath: "a"}, {Content: "\"true\"", TargetPath: "b"}, {Content: "true", TargetPath: "c"}, {Content: "1.5", TargetPath: "d"}, {Content: "", TargetPath: "e"}, {Content: "null", TargetPath: "f"}}},
	{Inline: "", Refs: []reference{{Content: "x,{y}\\[z]", TargetPath: "a.b", Literal: true}, {Content: "a=b\nc\n", TargetPath: "c", Literal: true}}},
	{Inline: "", Refs: []reference{{Content: "{a,b}", TargetPath: "l"}, {Content: "x,y=z", TargetPath: "m"}}},
	{Inline: "", Refs: []reference{{Content: "a,b", TargetPath: "m"}}},
	{Inline: "", Refs: []reference{{Content: "1", TargetPath: "a\\.b.c"}, {Content: "1", TargetPath: "a[2][1].x"}}},
	{Inline: "a: text\n", Refs: []reference{{Content: "1", TargetPath: "a.b"}}},
	{Inline: "", Refs: []reference{{Content: "- x\n"}}},
	{Inline: "", Refs: []reference{{Content: "a: b: c\n"}}},
	{Inline: "", Refs: []reference{{Content: "1", TargetPath: "a[x]"}}},
	{Inline: "a: {b: null}\n", Refs: []reference{{Content: "a: {b: 1, c: null}\nn: null\n"}}},
}

func releases() []*release.Release {
	at := moment("2026-01-02T03:04:05.678901234Z")
	var values map[string]any
	check(yaml.Unmarshal([]byte("z: 8080\na: {y2: <x> & 'q', b: 1.5, n: null}\nl: [1, true, é]\n"), &values))
	meta := &chart.Metadata{Name: "c", Version: "1.2.3", APIVersion: "v2", AppVersion: "4.5", Type: "application", Description: "a <b>",
		Keywords: []string{"k"}, Maintainers: []*chart.Maintainer{{Name: "m"}}, Annotations: map[string]string{"z": "1", "a": "2"},
		Dependencies: []*chart.Dependency{{Name: "d", Version: "1.x", Enabled: true, Tags: []string{"t"}, ImportValues: []any{map[string]any{"parent": "p", "child": "c"}}}}}
	full := &chart.Chart{Metadata: meta, Values: map[string]any{"b": 1.0, "a": nil}, Schema: []byte("{}"),
		Templates: []*common.File{{Name: "templates/a.yaml", Data: []byte("kind: A\n")}}, Files: []*common.File{{Name: "README.md", Data: []byte("# x")}}}
	hooks := []*release.Hook{
		{Name: "h", Kind: "Job", Path: "c/templates/h.yaml", Manifest: "kind: Job\n", Events: []release.HookEvent{"pre-install", "pre-upgrade"}, Weight: -5, DeletePolicies: []release.HookDeletePolicy{"hook-failed"},
			LastRun: release.HookExecution{StartedAt: at, CompletedAt: moment("2026-01-02T03:04:06Z"), Phase: "Succeeded"}},
		{Name: "t", Kind: "Pod", Manifest: "kind: Pod\n", Events: []release.HookEvent{"test"}},
	}
	return []*release.Release{
		{Name: "web", Version: 3, Namespace: "apps", Manifest: "---\n# Source: c/templates/a.yaml\nkind: A\n", Config: values, Chart: full, Hooks: hooks, ApplyMethod: "ssa", Labels: map[string]string{"team": "a"},
			Info: &release.Info{FirstDeployed: at, LastDeployed: moment("2026-01-02T05:04:05+02:00"), Description: "Upgrade \"complete\"", Status: rcommon.StatusDeployed, Notes: "hi\n"}},
		{Name: "gone", Version: 1, Namespace: "apps", Chart: &chart.Chart{Metadata: &chart.Metadata{Name: "c", Version: "1.0.0", APIVersion: "v1"}},
			Info: &release.Info{FirstDeployed: at, LastDeployed: at, Deleted: at, Status: rcommon.StatusUninstalled, Description: "Uninstallation complete"}},
		{Name: "pending", Version: 2, Namespace: "apps", Chart: full, Hooks: hooks[1:], Info: &release.Info{FirstDeployed: at, LastDeployed: at, Status: rcommon.StatusPendingUpgrade}},
	}
}
