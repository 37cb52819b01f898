# The recipes people look for; each is one cargo command.

# List the recipes.
default:
    @just --list

# Compile everything.
build:
    cargo build --workspace --all-targets

# Every test (a part: `just test --only manifest`).
test *args:
    cargo xtask test {{args}}

# Format, clippy, layers, function sizes, docs, licences.
lint:
    cargo xtask lint

# Format the sources.
fmt:
    cargo fmt --all

# Ten acts on a real control plane.
demo *args:
    cargo xtask demo {{args}}

# Measure the controllers beside a bare client.
bench *args:
    cargo xtask bench {{args}}

# Write config/crd and config/crd-legacy.
generate:
    cargo xtask generate

# Run a controller against the cluster of KUBECONFIG: `just run kustomize-controller`.
run controller *args:
    RUNTIME_NAMESPACE=flux-system cargo run -p {{controller}} -- {{args}}
