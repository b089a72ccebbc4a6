# The public port: renders Envoy's configuration from its settings, then becomes Envoy.
#
#   docker build -f deploy/docker/gateway.Dockerfile -t artifex/gateway .
FROM python:3.11-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never PIP_NO_CACHE_DIR=1
RUN pip install uv==0.13.9
WORKDIR /srv/artifex
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --group build --group servers --no-install-project
COPY protos protos
COPY sdk sdk
COPY libs libs
COPY gateway gateway
# The stubs' generator makes the generator's own as well.
COPY services/__init__.py services/__init__.py
COPY services/generator/adapters/kserve services/generator/adapters/kserve
RUN mkdir -p build && PATH="$PWD/.venv/bin:$PATH" .venv/bin/python protos/generate.py
RUN uv sync --frozen --no-default-groups --group servers --no-install-project

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
ENTRYPOINT ["python", "-m", "gateway"]
