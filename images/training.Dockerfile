# A training run: `dohyo train` with everything it needs, for a Job. Not a part of the serving ring.
FROM python:3.11-slim
RUN echo "dohyo:x:1034:1034::/nonexistent:/usr/sbin/nologin" >> /etc/passwd \
 && echo "dohyo:x:1034:" >> /etc/group \
 && mkdir -p /work /var/run/bentoml && chown 1034:1034 /work /var/run/bentoml
# Fits run as many at a time as the Job has cores; a fit itself has one thread. Libraries want a home
# to write to, and the root is read-only.
ENV PATH=/opt/dohyo/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BENTOML_HOME=/var/run/bentoml BENTOML_DO_NOT_TRACK=True OMP_NUM_THREADS=1 \
    HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
COPY --from=environment /opt/dohyo /opt/dohyo
COPY --from=project /project/opt/dohyo /opt/dohyo
WORKDIR /work
USER 1034:1034
ENTRYPOINT ["dohyo-train"]
