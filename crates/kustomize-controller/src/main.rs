//! kustomize-controller.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let command = runtime::args::parse::<kustomize_controller::args::Command>();
    Ok(kustomize_controller::run(command)?)
}
