"""What there is: for a person to read, for a shell to use. Starts and changes nothing."""

from __future__ import annotations

from cluster import engine, kubernetes_api, node_image, nodes, paths, programs


def status() -> None:
    """Prints what exists and what runs; starts nothing."""
    docker = engine.running()
    process_id = engine.own_process()
    ours = f"ours, process {process_id}, {engine.socket_address()}"
    whose = ours if docker and docker.host else "the machine's own"
    print(f"engine:     {whose if docker else 'none answers'}")
    there = nodes.found(docker) if docker else []
    for node in there:
        print(f"node:       {node.name} ({node.role}), {'runs' if node.running else 'stopped'}")
    if not there:
        print("nodes:      none")
    if docker:
        made = docker.image_id(node_image.name()) is not None
        print(f"node image: {node_image.name()}{'' if made else ' (not made)'}")
    if paths.KUBECONFIG.exists():
        print(f"kubeconfig: {paths.KUBECONFIG}, {kubernetes_api.answers() or 'API server ready'}")
    else:
        print("kubeconfig: none")
    size = programs.attempt(["du", "-sh", str(paths.cache())]).stdout.split("\t")[0]
    print(f"cache:      {paths.cache()}, {size or 'empty'}")


def environment() -> str:
    """Lines for a shell's `eval`; starts nothing."""
    lines = []
    if engine.own_process() is not None:
        lines.append(f"export DOCKER_HOST={engine.socket_address()}")
        lines.append("export DOCKER_BUILDKIT=0")
    lines.append(f"export KUBECONFIG={paths.KUBECONFIG}")
    lines.append(f"export KUBECACHEDIR={paths.kubectl_cache()}")
    lines.append(f'export PATH="{paths.binaries()}:$PATH"')
    return "\n".join(lines)
