# Courant in a small image.
#
#   docker build -t courant .
#   docker run -p 8080:8080 -v courant-data:/data courant                                  the sample newsroom
#   docker run -p 8080:8080 -v courant-data:/data -v "$PWD/feeds:/feeds:ro" courant        your own

FROM rust:1.95-bookworm AS build
WORKDIR /build

# Dependencies first, in a layer of their own: it is built again only when the manifest or the lock file changes.
# Afterwards our own (empty) crate is cleaned away, so that its fresh date can't make cargo take the real one for built.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && cargo build --locked --profile dist --bin courant \
    && cargo clean --locked --profile dist --package courant \
    && rm -r src

COPY . .
RUN cargo build --locked --profile dist --bin courant

FROM debian:bookworm-slim

# The certificates are needed by https sources and subscribers. Time zones are in the binary.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*

# A fixed number, so that the owner of a mounted /data can be set from outside: chown 10001:10001.
RUN groupadd --gid 10001 courant \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin courant \
    && install --directory --owner=10001 --group=10001 --mode=0750 /data

COPY --from=build /build/target/dist/courant /usr/local/bin/courant
COPY feeds /feeds

ENV COURANT_FEEDS=/feeds \
    COURANT_LISTEN=0.0.0.0:8080 \
    COURANT_DATABASE_URL=sqlite:/data/courant.db

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080

# /livez answers 200 while the process is up. bash, which every Debian has, speaks TCP
# by itself, so the image needs no curl. It asks the port of COURANT_LISTEN: for another, set the variable and not --listen. A
# container with --role worker has no web server: start it with --no-healthcheck.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${COURANT_LISTEN##*:} && printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && [[ $(timeout 4 cat <&3) == 'HTTP/1.1 200 '* ]]"]

ENTRYPOINT ["courant"]
CMD ["serve"]
