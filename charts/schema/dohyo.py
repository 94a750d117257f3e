"""Values of the chart `dohyo`: operator, gateway and evidence service."""

# ruff: noqa: RUF012  (pydantic copies defaults)

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from charts.schema.kubernetes import (
    ComputeResources,
    EnvironmentVariable,
    Image,
    Name,
    OptionalName,
    Passed,
    PullSecret,
    Quantity,
    Scheduling,
    Section,
    Texts,
)

Seconds = Annotated[int, Field(ge=0, le=3600)]
LogLevel = Literal["debug", "info", "warning", "error"]


class ScalingWindows(Section):
    stable_seconds: Annotated[int, Field(ge=10, le=3600)] = 60
    """Window that decides in quiet times."""
    panic_seconds: Annotated[int, Field(ge=2, le=600)] = 6
    """Short window that may only scale up, when load at least doubles."""
    scale_down_delay_seconds: Seconds = 30
    """Replicas fall only to what was enough for this whole time."""


class Witnesses(Section):
    evidence_url: Annotated[str, Field(max_length=2048)] = ""
    """URL of the evidence service that rollouts ask and that versions tell of predictions; without
    one, only gates on Prometheus can be answered."""
    prometheus_url: Annotated[str, Field(max_length=2048)] = ""
    """URL of the Prometheus that gates with `metric: prometheus` ask."""
    period_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """Between two looks at the evidence."""


class Operator(Scheduling):
    replicas: Annotated[int, Field(ge=0, le=10)] = 2
    """One leads, the others take over within 20 s. 0 pauses the operator; models go on serving."""
    image: Image = Image(repository="dohyo/operator")
    """Image of the operator."""
    resources: ComputeResources = ComputeResources(
        requests={"cpu": "100m", "memory": "128Mi"}, limits={"memory": "512Mi"}
    )
    """Requests and limits of each operator pod."""
    drain_seconds: Seconds = 10
    """From a version's last routed request to its removal."""
    scaling_windows: ScalingWindows = ScalingWindows()
    """How far back scaling by concurrency or requests per second looks."""
    witnesses: Witnesses = Witnesses()
    """Whom rollouts ask for evidence."""
    warm_seconds: Seconds = 600
    """How long the loser of a bout is kept running, so that going back is instant."""
    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """ModelDeployments that are worked on at the same time."""
    log_format: Literal["logfmt", "json"] = "logfmt"
    """How a line of the operator's log is written."""
    allow_host_access: bool = False
    """Lets `podTemplate` ask for host paths, host namespaces, privileges and service accounts."""
    extra_env: list[EnvironmentVariable] = []
    """Further environment of the operator."""


class Agent(Section):
    image: Image = Image(repository="dohyo/gateway")
    """Image of the agent that writes Envoy's configuration."""
    resources: ComputeResources = ComputeResources(
        requests={"cpu": "50m", "memory": "96Mi"}, limits={"memory": "384Mi"}
    )
    """Requests and limits of the agent in each gateway pod."""
    extra_env: list[EnvironmentVariable] = []
    """Further environment of the agent."""


class Envoy(Section):
    image: Image = Image(repository="envoyproxy/envoy", tag="v1.40.0")
    """Stock Envoy."""
    resources: ComputeResources = ComputeResources(
        requests={"cpu": "200m", "memory": "128Mi"}, limits={"memory": "1Gi"}
    )
    """Requests and limits of Envoy. Near its memory limit Envoy refuses requests rather than die.
    There is no limit on CPU, as throttling shows up as latency.
    """
    concurrency: Annotated[int, Field(ge=1, le=128)] = 2
    """Worker threads; about the cores that one gateway pod may use."""
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 50_000
    """Connections of clients to one gateway pod; more are refused."""
    log_level: Literal["trace", "debug", "info", "warning", "error", "critical", "off"] = "warning"
    """Envoy's own log."""


class GatewayService(Section):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """ClusterIP serves clients inside the cluster."""
    node_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port on every node, for NodePort and LoadBalancer; 0 lets the cluster choose."""
    app_protocol: Annotated[str, Field(pattern=r"^\S*$")] = "http"
    """Hint for ingresses; the port speaks HTTP/1.1 and h2c alike. Empty leaves it out."""
    external_traffic_policy: Literal["", "Cluster", "Local"] = ""
    """For NodePort and LoadBalancer; Local keeps the client's address."""
    load_balancer_class: str = ""
    """Which implementation serves a LoadBalancer."""
    load_balancer_source_ranges: list[str] = []
    """Addresses (CIDR) that may use a LoadBalancer."""
    annotations: Texts = {}
    """Annotations of the Service."""


class Autoscaling(Section):
    enabled: bool = False
    """An HPA sets the gateway's replicas instead of `gateway.replicas`."""
    min_replicas: Annotated[int, Field(ge=1)] = 2
    """Never fewer."""
    max_replicas: Annotated[int, Field(ge=1)] = 10
    """Never more."""
    target_cpu_percent: Annotated[int, Field(ge=1, le=1000)] = 70
    """CPU use, in percent of the request, that replicas are added for."""


class Gateway(Scheduling):
    replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """From 2 on, a gateway pod may die or be replaced without an outage."""
    drain_seconds: Annotated[int, Field(ge=5, le=3600)] = 30
    """A leaving pod serves on for so long; must exceed the slowest answer plus about 5 s."""
    pinning: bool = True
    """Whether a request's header `x-dohyo-version` may choose the version."""
    agent: Agent = Agent()
    """The agent: a sidecar that writes what Envoy reads; no request passes through it."""
    envoy: Envoy = Envoy()
    """Envoy: all requests pass through it."""
    service: GatewayService = GatewayService()
    """The Service in front of the gateway, port 80."""
    autoscaling: Autoscaling = Autoscaling()
    """Replicas by CPU."""


class DatabaseSecret(Section):
    name: OptionalName = ""
    """Secret with the URL of a PostgreSQL, `postgresql://user:password@host/name`. Empty keeps a
    SQLite file.
    """
    key: str = "url"
    """Its key."""


class Persistence(Section):
    enabled: bool = True
    """A volume for the SQLite file; without one, evidence is lost with the pod."""
    size: Quantity = "5Gi"
    """Size of the volume."""
    storage_class: str = ""
    """Empty takes the cluster's default."""
    existing_claim: OptionalName = ""
    """A claim of your own instead."""


class Evidence(Scheduling):
    enabled: bool = False
    """Whether the service runs. Without it, gates on errors, latency, quality and drift stay
    without data, and promote nothing.
    """
    replicas: Annotated[int, Field(ge=1, le=20)] = 1
    """More than one needs PostgreSQL."""
    image: Image = Image(repository="dohyo/evidence")
    """Image of the service."""
    resources: ComputeResources = ComputeResources(
        requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "1Gi"}
    )
    """Requests and limits of each pod."""
    database_secret: DatabaseSecret = DatabaseSecret()
    """Where the database is."""
    persistence: Persistence = Persistence()
    """Where the SQLite file lies."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """How long anything is kept; must exceed every `labels.maxDelay`."""
    drift_window_seconds: Annotated[int, Field(ge=10, le=604_800)] = 3600
    """Length of the closed windows that gates on drift look at, one after another."""
    require_feedback_token: bool = False
    """Feedback needs the bearer token of its namespace."""
    extra_env: list[EnvironmentVariable] = []
    """Further environment of the service."""


class NetworkPolicy(Section):
    enabled: bool = True
    """Requests to the gateway from everywhere; agent and operator only from who needs them."""
    monitoring_namespaces: list[Name] = Field(default=[], examples=[["monitoring"]])
    """Namespaces whose pods may read metrics of operator and gateway."""


class Monitor(Section):
    kind: Literal["", "PodMonitor", "ServiceMonitor"] = ""
    """Which kind is made for operator and gateway; needs the Prometheus operator's CRDs."""
    interval: Annotated[str, Field(pattern=r"^[0-9]+(ms|s|m)$")] = "15s"
    """How often Prometheus asks."""
    labels: Texts = Field(default={}, examples=[{"release": "prometheus"}])
    """Labels by which your Prometheus chooses it."""


class Dashboard(Section):
    enabled: bool = False
    """A ConfigMap with a Grafana dashboard."""
    namespace: OptionalName = ""
    """Where it goes; empty is the release's namespace."""
    labels: Texts = {"grafana_dashboard": "1"}
    """Labels by which Grafana's sidecar finds it."""
    annotations: Texts = {}
    """Annotations, e.g. Grafana's folder."""


class Alerts(Section):
    enabled: bool = False
    """A PrometheusRule; needs the Prometheus operator's CRDs."""
    labels: Texts = {}
    """Labels by which your Prometheus chooses it."""


class Monitoring(Section):
    monitor: Monitor = Monitor()
    """Tells Prometheus to read the metrics of operator and gateway."""
    dashboard: Dashboard = Dashboard()
    """What operator and gateway measure, as a picture."""
    alerts: Alerts = Alerts()
    """What a person should be woken or told for."""


class Cache(Section):
    volume: Passed = Field(
        default={}, examples=[{"hostPath": {"path": "/var/cache/dohyo", "type": "Directory"}}]
    )
    """A volume source as in a pod's spec that keeps fetched archives, checked at each use. Empty is
    no cache. User 1034 must be able to write there; a namespace with the restricted pod security
    standard allows no `hostPath`.
    """
    gigabytes: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Of all archives together; the one that was used least lately goes first."""


class Runtime(Section):
    image: Image = Image(repository="dohyo/runtime")
    """Runs every version that has a `uri` instead of an image, in the namespace of its model."""
    max_bento_gigabytes: Annotated[int, Field(ge=1, le=10_000)] = 16
    """A larger archive is refused, and one that unpacks to more than twice that."""
    cache: Cache = Cache()
    """Archives that the pods of a node share."""
    image_volumes: bool = False
    """Mounts what an `oci://` uri leads to as an image volume, instead of fetching it. Needs a
    cluster and nodes that offer them (Kubernetes 1.35, or 1.33 with the feature gate ImageVolume).
    """
    plain_registries: list[Annotated[str, Field(pattern=r"^[^/@\s]+$")]] = Field(
        default=[], examples=[["registry.tools:5000"]]
    )
    """Registries that are spoken to without TLS, as host:port."""


class Batch(Section):
    enabled: bool = True
    """Whether BatchPredictions are carried out. Without it the operator has no rights on Jobs,
    CronJobs, ConfigMaps and ServiceAccounts; what runs is left as it is.
    """


class Keys(Section):
    create: bool = True
    """Makes the Secret with the master keys when there is none, and keeps it for good. A tool that
    renders without a cluster would make new keys each time: make the Secret yourself, then.
    """
    secret_name: OptionalName = ""
    """The Secret from which the keys of every namespace are derived; empty is the release's prefix
    and `-master-keys`.
    """


class Values(Section):
    name_override: OptionalName = ""
    """Replaces the chart's name in resource names and labels."""
    fullname_override: OptionalName = ""
    """Replaces the whole prefix of resource names."""
    watch_namespaces: Annotated[list[Name], Field(json_schema_extra={"uniqueItems": True})] = Field(
        default=[], examples=[["shop", "search"]]
    )
    """Namespaces with ModelDeployments, which must exist. Empty watches all of them.

    With names, the chart makes Roles in these namespaces and no ClusterRole.
    """
    cluster_domain: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")] = (
        "cluster.local"
    )
    """DNS domain of the cluster."""
    log_level: LogLevel = "info"
    """How much operator and agent log."""
    image_registry: str = ""
    """Put before every image name that has no registry of its own."""
    image_pull_secrets: list[PullSecret] = Field(default=[], examples=[[{"name": "registry"}]])
    """Secrets for pulling the images of operator and gateway."""
    common_labels: Texts = {}
    """Further labels of every object."""
    common_annotations: Texts = {}
    """Further annotations of every object."""
    fixed_user: bool = True
    """Runs everything as user 65532; false leaves the number to the platform (OpenShift)."""
    require_crds: bool = True
    """Refuses to install before the chart dohyo-crds; false for tools that install both at once."""
    operator: Operator = Operator()
    """The operator turns ModelDeployments into running versions and a routing table."""
    gateway: Gateway = Gateway()
    """The gateway splits requests between versions."""
    evidence: Evidence = Evidence()
    """The evidence service tests what is known of every trial."""
    runtime: Runtime = Runtime()
    """How exported bentos are fetched and run."""
    batch: Batch = Batch()
    """Data sets that are scored by Jobs."""
    keys: Keys = Keys()
    """What predictions are signed with."""
    network_policy: NetworkPolicy = NetworkPolicy()
    """Who may reach operator and gateway; needs a network plugin that enforces it."""
    monitoring: Monitoring = Monitoring()
    """Prometheus and Grafana."""
