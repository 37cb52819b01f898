package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/runtime/statusreaders"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Object  map[string]any `json:"object"`
	Status  string         `json:"status,omitempty"`
	Message string         `json:"message,omitempty"`
	Error   string         `json:"error,omitempty"`
}

// What an object of a kind may hold: each field is absent or has one of the values.
type shape struct {
	apiVersion, kind string
	fields           map[string][]any
	conditions       []string
	reasons          []string
}

var counts = []any{int64(0), int64(1), int64(2), int64(3)}

func each(names []string, values []any, more map[string][]any) map[string][]any {
	out := map[string][]any{}
	for _, name := range names {
		out[name] = values
	}
	for name, values := range more {
		out[name] = values
	}
	return out
}

var shapes = []shape{
	{"apps/v1", "Deployment", each([]string{"spec.replicas", "status.replicas", "status.updatedReplicas", "status.readyReplicas", "status.availableReplicas"}, counts,
		map[string][]any{"spec.progressDeadlineSeconds": {int64(600), int64(2147483647)}}),
		[]string{"Progressing", "Available", "ReplicaFailure"}, []string{"NewReplicaSetAvailable", "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "Other"}},
	{"apps/v1", "StatefulSet", each([]string{"spec.replicas", "status.replicas", "status.readyReplicas", "status.currentReplicas", "status.updatedReplicas"}, counts,
		map[string][]any{"spec.updateStrategy.type": {"RollingUpdate", "RollingUpdate", "RollingUpdate", "OnDelete"}, "spec.updateStrategy.rollingUpdate.partition": {int64(0), int64(1)},
			"status.currentRevision": {"a", "b"}, "status.updateRevision": {"a", "b"}}), nil, nil},
	{"apps/v1", "DaemonSet", each([]string{"status.desiredNumberScheduled", "status.currentNumberScheduled", "status.updatedNumberScheduled", "status.numberAvailable", "status.numberReady"}, counts, nil), nil, nil},
	{"apps/v1", "ReplicaSet", each([]string{"spec.replicas", "status.replicas", "status.readyReplicas", "status.availableReplicas", "status.fullyLabeledReplicas"}, counts, nil), []string{"ReplicaFailure"}, nil},
	{"batch/v1", "Job", each([]string{"spec.parallelism", "spec.completions", "status.active", "status.succeeded", "status.failed"}, counts,
		map[string][]any{"spec.suspend": {true, false, false, false}, "status.startTime": {"2026-01-01T00:00:00Z"}}), []string{"Complete", "Failed", "Suspended"}, nil},
	{"v1", "Pod", map[string][]any{"status.phase": {"Running", "Running", "Pending", "Succeeded", "Failed", "Odd"}, "metadata.creationTimestamp": {"2020-01-01T00:00:00Z"},
		"status.containerStatuses": {
			[]any{map[string]any{"name": "a", "state": map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}}},
			[]any{map[string]any{"name": "a", "state": map[string]any{"running": map[string]any{}}}, map[string]any{"name": "b", "state": map[string]any{"waiting": map[string]any{"reason": "ImagePullBackOff"}}}},
		}}, []string{"Ready", "PodScheduled"}, []string{"Unschedulable", "Other"}},
	{"v1", "PersistentVolumeClaim", map[string][]any{"status.phase": {"Bound", "Pending"}}, nil, nil},
	{"v1", "Service", map[string][]any{"spec.type": {"LoadBalancer", "ClusterIP"}, "spec.clusterIP": {"10.0.0.1", ""}}, nil, nil},
	{"v1", "Secret", nil, nil, nil},
	{"v1", "Namespace", map[string][]any{"status.phase": {"Active", "Terminating"}}, nil, nil},
	{"batch/v1", "CronJob", nil, []string{"Ready"}, nil},
	{"policy/v1", "PodDisruptionBudget", nil, nil, nil},
	{"apiextensions.k8s.io/v1", "CustomResourceDefinition", nil, []string{"NamesAccepted", "Established"}, []string{"Installing", "Other"}},
	{"example.com/v1", "Thing", nil, []string{"Ready", "Stalled", "Reconciling", "Other"}, nil},
	{"example.com/v1", "Deployment", map[string][]any{"spec.replicas": counts}, []string{"Ready"}, nil},
}

// Fields any object may have.
var common = map[string][]any{
	"metadata.generation":        {int64(2), int64(2), int64(2), int64(1)},
	"status.observedGeneration":  {int64(2), int64(2), int64(2), int64(2), "2"},
	"metadata.deletionTimestamp": {"2026-01-01T00:00:00Z"},
}

func recordKstatus() any {
	source := rand.New(rand.NewPCG(2, 9))
	var out []verdict
	for _, shape := range shapes {
		for range 50 {
			out = append(out, judge(shape.object(source)))
		}
	}
	return out
}

func (s shape) object(source *rand.Rand) map[string]any {
	object := map[string]any{"apiVersion": s.apiVersion, "kind": s.kind, "metadata": map[string]any{"name": "x"}}
	u := &unstructured.Unstructured{Object: object}
	set := func(fields map[string][]any, chance int) {
		for _, path := range keys(fields) {
			if source.IntN(10) < chance {
				values := fields[path]
				must(unstructured.SetNestedField(u.Object, values[source.IntN(len(values))], split(path)...))
			}
		}
	}
	set(s.fields, 8)
	set(map[string][]any{"metadata.deletionTimestamp": common["metadata.deletionTimestamp"]}, 1)
	delete(common, "metadata.deletionTimestamp")
	set(common, 7)
	common["metadata.deletionTimestamp"] = []any{"2026-01-01T00:00:00Z"}
	var conditions []any
	for _, kind := range s.conditions {
		if source.IntN(10) < 6 {
			statuses := []string{"True", "True", "False", "Unknown"}
			condition := map[string]any{"type": kind, "status": statuses[source.IntN(4)], "message": "words of " + kind}
			if s.reasons != nil {
				condition["reason"] = s.reasons[source.IntN(len(s.reasons))]
			}
			conditions = append(conditions, condition)
		}
	}
	if conditions != nil {
		must(unstructured.SetNestedSlice(u.Object, conditions, "status", "conditions"))
	}
	return u.Object
}

func judge(object map[string]any) verdict {
	u := &unstructured.Unstructured{Object: object}
	out := verdict{Object: u.DeepCopy().Object}
	if u.GetKind() == "Job" {
		result, err := statusreaders.NewCustomJobStatusReader(nil).ReadStatusForObject(context.Background(), nil, u)
		must(err)
		out.Status, out.Message = string(result.Status), result.Message
		return out
	}
	result, err := status.Compute(u)
	if err != nil {
		out.Error = err.Error()
		return out
	}
	out.Status, out.Message = string(result.Status), result.Message
	return out
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprint(err))
	}
}
