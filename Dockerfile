# syntax=docker/dockerfile:1
# One image for every part: `tidemark worker|api|core|feed …`. The same lock as everywhere; nothing of the build stays.
# Registries are those of the builder's own configuration: mount pip.conf, .npmrc or uv.toml as build secrets if needed.
# The embedded broker is not in it (no Java): set TIDEMARK_KAFKA_BOOTSTRAP.

FROM node:20-bookworm-slim AS page
WORKDIR /page
COPY api/page/package.json api/page/package-lock.json api/page/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY api/page/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS environment
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tidemark
WORKDIR /source
COPY requirements.lock ./
# The lock holds the tools of developers as well; they do no harm here, and one lock is one truth.
RUN /opt/tidemark/bin/pip install --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md ./
COPY engines engines
COPY aggregates aggregates
COPY projections projections
COPY infra infra
COPY streams streams
COPY api api
COPY --from=page /page/dist api/page/dist
RUN /opt/tidemark/bin/pip install --no-deps .
# Compiled once here; numba asks to write where it reads, so the folder is handed to the user below.
WORKDIR /
RUN NUMBA_CACHE_DIR=/compiled /opt/tidemark/bin/python -c 'from streams.warm import warm; warm(explains=True)'

FROM python:3.11-slim-bookworm
# Ledgers as PDF are typeset in Noto Sans CJK.
RUN apt-get update && apt-get install --yes --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /home/tidemark --create-home tidemark \
    && install --directory --owner=10001 --group=10001 --mode=700 /data
COPY --from=environment /opt/tidemark /opt/tidemark
COPY --from=environment --chown=10001 /compiled /var/cache/tidemark
ENV PATH=/opt/tidemark/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/tidemark \
    TIDEMARK_DATA_DIR=/data \
    TIDEMARK_API_HOST=0.0.0.0 \
    TIDEMARK_LOG_JSON=true
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["tidemark"]
CMD ["api"]
