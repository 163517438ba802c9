FROM python:3.11-slim AS installed
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/prod.txt .
RUN python -m venv /venv && /venv/bin/pip install --quiet --require-hashes -r prod.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=config.settings
RUN groupadd --system --gid 1000 stipend && useradd --system --uid 1000 --gid stipend --home-dir /app stipend \
    && mkdir /media && chown stipend /media
COPY --from=installed /venv /venv
WORKDIR /app
COPY . .
# Collecting reads the settings, which want a key; this one is thrown away with the command.
RUN SECRET_KEY=thrown-away python manage.py collectstatic --noinput --verbosity 0
USER stipend
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000
CMD ["python", "-m", "config.server"]
