"""configs/kubernetes: what kustomize and helm make of it is valid by Kubernetes' own schemas, strictly, and so
are the bootstraps within by loadtap; each container has the least privilege; and slips are caught."""

import copy
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile

import kubernetes_validate
import yaml

from lib import tap
from lib.reports import BUILD, ROOT

CONFIGS = os.path.join(ROOT, "configs/kubernetes")
CHART = os.path.join(CONFIGS, "chart")
PROXY = os.path.join(ROOT, "tests/data/kubernetes/proxy")
NEWEST = "1.37"
# The oldest that each is for: native sidecars came with 1.29.
OLDEST = {"sidecar": "1.29", "daemonset": "1.25"}
# Maps whose keys are anybody's.
FREE = {"labels", "annotations", "matchLabels", "data", "limits", "requests", "nodeSelector"}
SLIPS = 40  # that are tried of each rendering

SECURITY = {
    "runAsUser": 0, "runAsGroup": 0, "privileged": False, "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True, "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"], "add": ["BPF", "NET_ADMIN", "PERFMON"]},
}


def tool(name, *words, cwd=None):
    return subprocess.run([os.path.join(BUILD, "kubernetes/bin", name), *words], cwd=cwd, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rendered(done):
    if done.returncode:
        raise RuntimeError(f"{' '.join(done.args)}: {done.stderr}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def template(chart, *words):
    return tool("helm", "template", "release", chart, "--kube-version", NEWEST, *words)


def in_proxy_chart(scratch):
    """The chart as a dependency of a proxy's."""
    shutil.copytree(CHART, os.path.join(scratch, "chart"))
    proxy = shutil.copytree(PROXY, os.path.join(scratch, "proxy"))
    done = tool("helm", "dependency", "build", proxy)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return rendered(template(proxy))


def renderings(scratch):
    """Name -> (kind, documents)."""
    return {
        "kustomize, sidecar": ("sidecar", rendered(
            tool("kustomize", "build", os.path.join(CONFIGS, "sidecar-example")))),
        "kustomize, DaemonSet": ("daemonset", rendered(
            tool("kustomize", "build", os.path.join(CONFIGS, "daemonset")))),
        "chart, sidecar": ("sidecar", in_proxy_chart(scratch)),
        "chart, DaemonSet": ("daemonset", rendered(template(CHART))),
    }


def faults(document, version=NEWEST):
    """What its schema has against it; "" where that is nothing."""
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return error.message
    return ""


def pod_of(documents):
    return next(document["spec"]["template"] for document in documents
                if document["kind"] in ("Deployment", "DaemonSet"))


def container_of(documents):
    spec = pod_of(documents)["spec"]
    return next(container for container in [*spec.get("initContainers", ()), *spec["containers"]]
                if container["name"] == "loadtap")


def bootstrap_of(documents):
    return next(document["data"]["bootstrap.yaml"] for document in documents
                if document["kind"] == "ConfigMap")


def loadtap_says(scratch, bootstrap, variables):
    """Its errors; "" where it takes the bootstrap in an environment of these variables alone."""
    path = os.path.join(scratch, "bootstrap.yaml")
    with open(path, "w") as out:
        out.write(bootstrap)
    done = subprocess.run([os.path.join(BUILD, "loadtap"), "--mode", "validate", "--config-expand-env", "-c",
                           path], env={name: "x" for name in variables}, timeout=30,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.stderr if done.returncode else ""


def slips(node, way=()):
    """Each place of a document where a key could be misspelt: the way to it."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in FREE:
                yield (*way, key)
                continue
            yield (*way, key)
            yield from slips(value, (*way, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from slips(value, (*way, index))


def misspelt(document, way):
    document = copy.deepcopy(document)
    holder = functools.reduce(lambda node, step: node[step], way[:-1], document)
    holder[way[-1] + "x"] = holder.pop(way[-1])
    return document


def uncaught(documents):
    """Slips in what has a pod that its schema lets pass."""
    document = next(document for document in documents if document["kind"] in ("Deployment", "DaemonSet"))
    ways = [way for way in slips(document) if way[0] == "spec"]
    step = max(1, len(ways) // SLIPS)
    return [".".join(map(str, way)) for way in ways[::step] if not faults(misspelt(document, way))]


def check_rendering(results, scratch, name, kind, documents):
    container = container_of(documents)
    for version in (OLDEST[kind], NEWEST):
        results.equal(f"{name}: valid for Kubernetes {version}",
                      [text for document in documents if (text := faults(document, version))], [])
    results.equal(f"{name}: misspelt keys are caught", uncaught(documents), [])
    results.equal(f"{name}: privilege", container["securityContext"], SECURITY)
    results.true(f"{name}: no service account token",
                 pod_of(documents)["spec"].get("automountServiceAccountToken") is False
                 or name == "chart, sidecar")  # there the pod is the proxy's
    results.equal(f"{name}: probes", [container[probe]["httpGet"]["path"]
                                      for probe in ("startupProbe", "livenessProbe")], ["/ready", "/livez"])
    results.equal(f"{name}: limits", sorted(container["resources"]["limits"]), ["cpu", "memory"])
    results.equal(f"{name}: a native sidecar", container.get("restartPolicy"),
                  "Always" if kind == "sidecar" else None)
    variables = [entry["name"] for entry in container["env"]]
    bootstrap = bootstrap_of(documents)
    results.equal(f"{name}: loadtap takes the bootstrap", loadtap_says(scratch, bootstrap, variables), "")
    used = set(re.findall(r"\$\{(\w+)\}", bootstrap))
    results.true(f"{name}: it is named by the environment",
                 {"REGION", "ZONE", "POD_NAME" if kind == "sidecar" else "NODE_NAME"} <= used, used)
    results.true(f"{name}: a variable less is refused",
                 all("has no variable" in loadtap_says(scratch, bootstrap, [v for v in variables if v != left])
                     for left in used))
    results.equal(f"{name}: whose sockets", "pod_cgroup: true" in bootstrap, kind == "sidecar")


def same_container(results, all_of):
    """Kustomize and the chart run loadtap in the same way."""
    for kind in OLDEST:
        one, two = (container_of(documents) for of, documents in all_of.values() if of == kind)
        for container in (one, two):
            for key in ("image", "imagePullPolicy", "resources"):
                container.pop(key, None)
            container["env"] = [entry for entry in container["env"] if entry["name"] != "TENANT"]
            container["volumeMounts"] = sorted(mount["mountPath"] for mount in container["volumeMounts"]
                                               if mount["name"] != "certificates")
        results.equal(f"{kind}: kustomize and chart agree", one, two)


WORKLOAD = """apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, labels: {{loadtap: {label}}}}}
spec:
  selector: {{matchLabels: {{app: a}}}}
  template: {{metadata: {{labels: {{app: a}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}
---
"""
WITH_COMPONENT = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [workloads.yaml]
components: [../sidecar]
configMapGenerator:
- {name: loadtap, behavior: merge, files: [bootstrap.yaml]}
"""


def check_component(results, scratch):
    """In somebody's own kustomization, with a bootstrap of their own."""
    folder = os.path.join(scratch, "own")
    os.mkdir(folder)
    shutil.copytree(os.path.join(CONFIGS, "sidecar"), os.path.join(scratch, "sidecar"))
    workloads = [("StatefulSet", "one", "sidecar"), ("Deployment", "two", "other"),
                 ("DaemonSet", "three", "sidecar")]
    files = {"kustomization.yaml": WITH_COMPONENT, "bootstrap.yaml": "own: 1\n",
             "workloads.yaml": "".join(WORKLOAD.format(kind=kind, name=name, label=label)
                                       for kind, name, label in workloads)}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w") as out:
            out.write(text)
    documents = rendered(tool("kustomize", "build", folder))
    results.equal("the component: in what is labelled", {
        document["metadata"]["name"]: "initContainers" in document["spec"]["template"]["spec"]
        for document in documents if "spec" in document}, {"one": True, "two": False, "three": True})
    results.equal("the component: another bootstrap", bootstrap_of(documents), "own: 1\n")


def check_values(results, scratch):
    """What a person sets in values.yaml."""
    done = tool("helm", "lint", "--strict", CHART)
    results.equal("helm lint", (done.returncode, "[ERROR]" in done.stdout), (0, False))
    with open(os.path.join(CHART, "values.yaml")) as file:
        values = yaml.safe_load(file)
    passed = []
    for key in [*values, "image.tag", "settings.pod_cgroup", "bootstrap.admin"]:
        slip = key if "." in key and key != "image.tag" else key + "x"
        if not template(CHART, "--set", f"{slip}=1").returncode:
            passed.append(slip)
    results.equal("slips in values are caught", passed, [])
    old = tool("helm", "template", "release", CHART, "--kube-version", "1.28.0", "--set", "mode=sidecar")
    results.true("a sidecar where Kubernetes has none is refused",
                 old.returncode and "since 1.29" in old.stderr, old.stderr)
    documents = rendered(template(CHART, "--set-json", "settings=" + json.dumps(
        {"cgroup_path": "/host/sys/fs/cgroup/kubepods.slice"}), "--set", "image.digest=sha256:" + 64 * "0",
        "--set", "priorityClassName=system-node-critical", "--set", "nodeSelector.a=b", "--set-json",
        'podLabels={"c":"d"}', "--set-json", 'affinity={"nodeAffinity":{}}', "--set-json",
        'podAnnotations={"e":"f"}', "--set-json", 'imagePullSecrets=[{"name":"g"}]', "--set",
        "adminPort=9902", "--set-json", 'extraArgs=["-l","debug"]'))
    results.equal("all values: valid", [text for document in documents if (text := faults(document))], [])
    container, pod = container_of(documents), pod_of(documents)
    results.equal("all values: used", (
        container["image"], container["args"][-2:], container["ports"][0]["containerPort"],
        pod["metadata"]["labels"]["c"], pod["metadata"]["annotations"]["e"], sorted(pod["spec"])),
        ("loadtap@sha256:" + 64 * "0", ["-l", "debug"], 9902, "d", "f",
         sorted(["affinity", "automountServiceAccountToken", "containers", "imagePullSecrets", "nodeSelector",
                 "priorityClassName", "tolerations", "volumes"])))
    bootstrap = yaml.safe_load(bootstrap_of(documents))
    results.equal("all values: in the bootstrap", (
        bootstrap["bootstrap_extensions"][0]["typed_config"]["cgroup_path"],
        bootstrap["admin"]["address"]["socket_address"]["port_value"]),
        ("/host/sys/fs/cgroup/kubepods.slice", 9902))
    slip = bootstrap_of(documents).replace("port_value: 8080", "port_valu: 8080")
    results.true("a slip in the bootstrap is caught", "did you mean 'port_value'?" in loadtap_says(
        scratch, slip, ["NODE_NAME", "REGION", "ZONE"]))


def test(results):
    with tempfile.TemporaryDirectory() as scratch:
        all_of = renderings(scratch)
        for name, (kind, documents) in all_of.items():
            check_rendering(results, scratch, name, kind, documents)
        same_container(results, all_of)
        check_component(results, scratch)
        check_values(results, scratch)


if __name__ == "__main__":
    tap.run(test)
