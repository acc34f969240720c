# One image for the operator, the ws-proxy and the processor: the Pod's argument says which one runs.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY . .
ARG VERSION=dev
RUN node build.ts "$VERSION"

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
COPY --from=build /src/dist/ ./
ARG VERSION=dev
# Of a release: the commit, and its time (RFC 3339).
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="ocpp-cluster" \
      org.opencontainers.image.description="Operator, ws-proxy and processor of OcppCluster" \
      org.opencontainers.image.source="https://github.com/ocpp-cluster/ocpp-cluster" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0"
# Stack traces name the source's line.
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["operator.js"]
