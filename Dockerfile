# One image for web and worker; docker-compose.yml sets the command of each.

FROM python:3.13-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /opt/venv
COPY .ci/installer.lock .ci/
RUN /opt/venv/bin/pip install --no-deps --require-hashes -r .ci/installer.lock
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --require-hashes -r requirements.lock
COPY . ./
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin callboard \
    && install --directory --owner callboard --mode 0700 /var/lib/callboard
COPY --from=builder /opt/venv /opt/venv
# Modules here are importable: a module of operations can be mounted.
WORKDIR /app
# By number, so that a platform can verify that it is not root.
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["callboardctl", "web"]
