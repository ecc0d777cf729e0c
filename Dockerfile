# Trains and serves, without a GPU. Data and runs are kept in work/:
#   docker build -t unetlite .
#   alias unetlite='docker run -it --rm --user "$(id -u):$(id -g)" -v "$PWD/work:/srv" -p 127.0.0.1:7860:7860 unetlite'
#   mkdir -p work
#   unetlite train upsample=transpose
#   unetlite choose /srv/my_images
#   unetlite demo /srv/outputs/coast/transpose/seed0 --host 0.0.0.0        # http://localhost:7860
# For an NVIDIA GPU: docker build --build-arg TORCH_INDEX=https://pypi.org/simple, and docker run --gpus all.
FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir torch --index-url ${TORCH_INDEX}

COPY . /src
RUN pip install --no-cache-dir "/src[export,demo]" && rm -r /src

# Whoever runs it has neither a name nor a home in here.
ENV UNETLITE_HOME=/srv HOME=/tmp USER=someone
WORKDIR /srv
EXPOSE 7860
ENTRYPOINT ["unetlite"]
CMD ["--help"]
