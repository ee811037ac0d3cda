#!/bin/sh
# setup_kubernetes.sh DIR: what tests/check/kubernetes.sh renders and checks with: helm and kustomize, built from
# their Go modules, and a Python package that has Kubernetes' schemas. Fails with the reason in its last line
# where one cannot be had.
set -eu
# The newest of each that Debian 12's Go builds.
helm=helm.sh/helm/v3/cmd/helm@v3.12.3
kustomize=sigs.k8s.io/kustomize/kustomize/v5@v5.0.3
schemas=kubernetes-validate==1.37.0

fail() {
    echo "$*"
    exit 1
}

mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -e "$dir/complete" ] || exit 0

# Two makes may want it at once.
exec 9>"$dir/lock"
flock 9
[ ! -e "$dir/complete" ] || exit 0

# Debian's own interpreter: its venv module is the one that is installed.
/usr/bin/python3 -m venv --clear "$dir/python" || fail "python3 -m venv fails"
"$dir/python/bin/python3" -m pip install --quiet --disable-pip-version-check "$schemas" ||
    fail "the Python package $schemas cannot be installed"
for module in $kustomize $helm; do
    CGO_ENABLED=0 GOBIN=$dir/bin go install "$module" ||
        fail "the Go module $module cannot be built"
done
touch "$dir/complete"
