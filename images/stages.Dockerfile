# The first stages of every image of ours: the locked environment, and the project laid over it.
# The context is made by `python -m images`: wheels by the hashes of the part's lock, and our own.
FROM python:3.11-slim AS environment
COPY environment.sh requirements.txt /
COPY wheels /wheels
RUN sh /environment.sh

FROM environment AS project
COPY project.sh /
COPY project-wheel /project-wheel
RUN sh /project.sh
