# The model server: the Triton of the nvidia-pytriton wheel with its Python backend, and PyTorch with diffusers beside it.
#
#   docker build -f deploy/docker/triton.Dockerfile -t artifex/triton .
#
# The same launcher and the same pinned packages as on a laptop. Weights are no part of it: mount them at ARTIFEX_MODELS.
FROM python:3.11-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never PIP_NO_CACHE_DIR=1
RUN pip install uv==0.13.9
WORKDIR /srv/artifex
COPY services/generator/triton/requirements.lock services/generator/triton/requirements.lock
RUN uv venv .venv-triton && uv pip install --python .venv-triton/bin/python -r services/generator/triton/requirements.lock
# The launcher itself needs little of the house: settings, and the files of the model repository.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --no-install-project

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /var/lib/artifex --shell /usr/sbin/nologin artifex
WORKDIR /srv/artifex
COPY --from=build /srv/artifex /srv/artifex
COPY services/__init__.py services/__init__.py
COPY services/generator services/generator
ENV PATH=/srv/artifex/.venv/bin:$PATH \
    PYTHONPATH=/srv/artifex:/srv/artifex/sdk \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    ARTIFEX_HOME=/var/lib/artifex \
    ARTIFEX_MODELS=/models
USER 10001:10001
ENTRYPOINT ["python", "-m", "services.generator.triton"]
