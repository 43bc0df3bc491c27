# The study's environment and code as a container image (docs/how-to/use-in-snakemake.md):
#
#   docker build --tag fashion-mnist-study .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/study" fashion-mnist-study --cores 2
#
# `make audit` lints this file. It has not been built or run.
FROM python:3.12.12-slim-bookworm

# Another lock adds what a cluster needs, such as --build-arg LOCK=requirements/kubernetes.txt.
ARG LOCK=requirements/study.txt

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /study
COPY requirements/ requirements/
# Snakemake copies files to and from a volume with rsync (workflow/profiles/kubernetes).
RUN apt-get update \
    && grep -v '^#' requirements/apt.txt \
    | xargs apt-get install --yes --no-install-recommends rsync \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir --require-hashes --requirement "$LOCK"
COPY . .
RUN useradd --create-home --uid 1000 study && chown --recursive study /study
USER 1000
# Whoever `--user` names has no home folder for caches.
ENV XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/cache/matplotlib

ENTRYPOINT ["snakemake"]
CMD ["--cores", "all"]
