# The last stage of a service: operator, gateway's agent, evidence. What it starts stands in
# images/dockerfiles.py.
FROM python:3.11-slim
RUN echo "dohyo:x:65532:65532::/nonexistent:/usr/sbin/nologin" >> /etc/passwd \
 && echo "dohyo:x:65532:" >> /etc/group
ENV PATH=/opt/dohyo/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=environment /opt/dohyo /opt/dohyo
COPY --from=project /project/opt/dohyo /opt/dohyo
USER 65532:65532
