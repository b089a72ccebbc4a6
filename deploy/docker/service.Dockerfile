# The Python services: auth, media, graph (API and workers), generator, collab. One image, chosen by its arguments:
#
#   docker build -f deploy/docker/service.Dockerfile -t artifex/service .
#   docker run artifex/service services.graph worker
#
# Built from the repository's root. The stubs are generated in the build stage, so that no compiler is in the image that runs.
FROM python:3.11-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never PIP_NO_CACHE_DIR=1
RUN pip install uv==0.13.9
WORKDIR /srv/artifex
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --group build --no-install-project
COPY protos protos
COPY sdk sdk
COPY libs libs
COPY services services
COPY gateway gateway
RUN mkdir -p build && PATH="$PWD/.venv/bin:$PATH" .venv/bin/python protos/generate.py
RUN .venv/bin/python -m libs.kernels.build
# Without the build group now: the compilers leave the environment that is copied on.
RUN uv sync --frozen --no-default-groups --no-install-project

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /var/lib/artifex --shell /usr/sbin/nologin artifex
WORKDIR /srv/artifex
COPY --from=build /srv/artifex /srv/artifex
ENV PATH=/srv/artifex/.venv/bin:$PATH \
    PYTHONPATH=/srv/artifex:/srv/artifex/sdk \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ARTIFEX_HOME=/var/lib/artifex
USER 10001:10001
ENTRYPOINT ["python", "-m"]
