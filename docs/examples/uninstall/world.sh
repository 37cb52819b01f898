# What docs/uninstall.md is run on: an installation whose workloads come from a Kustomization that applies others, from
# one of another namespace, and from a HelmRelease. Run again it installs again, and the workloads must be the same.
kubectl apply --server-side -k config/all
kubectl create namespace team --dry-run=client -o yaml | kubectl apply -f -
if [ ! -e web-0.1.0.tgz ]; then
  helm create web
  helm package web
  helm push --plain-http web-0.1.0.tgz oci://registry.example.com/charts
fi
kubectl wait crd -l app.kubernetes.io/part-of=flux --for=condition=Established --timeout=1m
kubectl apply -f - <<YAML
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: flux-system, namespace: flux-system }
spec: { interval: 1m, url: https://git.example.com/fleet.git, ref: { branch: main } }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: flux-system, namespace: flux-system }
spec: { interval: 10m, prune: true, path: ./clusters/production, sourceRef: { kind: GitRepository, name: flux-system } }
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: fleet, namespace: team }
spec: { interval: 1m, url: https://git.example.com/fleet.git, ref: { branch: main } }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: web, namespace: team }
spec:
  interval: 10m
  prune: true
  targetNamespace: team
  path: ./apps/base/web
  sourceRef: { kind: GitRepository, name: fleet }
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: { name: chart, namespace: team }
spec:
  interval: 5m
  insecure: true
  url: oci://registry.example.com/charts/web
  ref: { semver: 0.x }
  layerSelector: { mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy }
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: chart, namespace: team }
spec: { interval: 10m, chartRef: { kind: OCIRepository, name: chart } }
YAML
kubectl -n flux-system wait kustomization/flux-system --for=condition=Ready --timeout=1m
kubectl -n flux-system wait kustomization/apps --for=condition=Ready --timeout=2m
kubectl -n team wait kustomization/web helmrelease/chart --for=condition=Ready --timeout=2m
uids() {
  kubectl -n web get deployment web -o jsonpath='{.metadata.uid} '
  kubectl -n team get deployment web chart-web -o jsonpath='{.items[*].metadata.uid}'
}
if [ -e uids ]; then
  test "$(uids)" = "$(cat uids)"
else
  uids > uids
fi
