# The serving runtime: runs any bento that fits its libraries, from /bento unless told otherwise;
# with another command, dohyo-batch, it scores data sets by the same bentos.
FROM python:3.11-slim
# The user is the one that `bentoml containerize` gives its images.
RUN echo "bentoml:x:1034:1034::/nonexistent:/usr/sbin/nologin" >> /etc/passwd \
 && echo "bentoml:x:1034:" >> /etc/group \
 && mkdir -p /var/run/bentoml && chown 1034:1034 /var/run/bentoml
# One thread for the linear algebra: a pod scales by replicas, and spinning threads beyond its
# CPU limit only get it throttled.
ENV PATH=/opt/dohyo/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BENTOML_HOME=/var/run/bentoml BENTOML_DO_NOT_TRACK=True OMP_NUM_THREADS=1
COPY --from=environment /opt/dohyo /opt/dohyo
COPY --from=project /project/opt/dohyo /opt/dohyo
EXPOSE 3000 3001
USER 1034:1034
ENTRYPOINT ["dohyo-serve"]
CMD ["/bento"]
