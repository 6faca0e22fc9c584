# Stages: dependencies (what compiling needs), build (compiles and tests), runtime (the server alone, --device=cpu),
# runtime-aten (the same with the module for --device=aten-cpu and Debian's LibTorch, which knows no CUDA),
# dependencies-cuda (LibTorch with CUDA and its compiler, 2.4 GB to fetch), build-cuda and runtime-cuda (with the module
# for --device=cuda, LibTorch and CUDA; the host brings the driver).
# docker build . --target runtime -t lossd, or ./dev image. Arguments: DEBIAN, the base of all stages; RUN_TESTS=0 leaves
# the tests out; REVISION, what --version says that this was built from.
ARG DEBIAN=docker.io/library/debian:bookworm-slim

FROM ${DEBIAN} AS dependencies
WORKDIR /src
COPY dev packages.txt ./
RUN apt-get update -qq \
 && ./dev packages build python test | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y -qq --no-install-recommends \
 && apt-get clean && rm -rf /var/lib/apt/lists/*

FROM dependencies AS build
COPY . .
ARG RUN_TESTS=1
ARG REVISION=
RUN cmake --preset release -DLOSSD_REVISION="$REVISION" && cmake --build --preset release --target lossd lossctl \
 && if [ "$RUN_TESTS" = 1 ]; then cmake --build --preset release && ctest --test-dir build/release --output-on-failure; fi \
 && install -D -s build/release/bin/lossd build/release/bin/lossctl -t /out/usr/local/bin/ \
 && install -D -s build/release/bin/liblossd_aten.so -t /out-aten/usr/local/lib/lossd/

FROM ${DEBIAN} AS runtime
COPY dev packages.txt /tmp/
RUN apt-get update -qq \
 && /tmp/dev packages runtime | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y -qq --no-install-recommends \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /tmp/dev /tmp/packages.txt \
 && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin lossd
COPY --from=build /out /
USER 10001:10001
EXPOSE 50051 50052 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s CMD ["lossd", "--healthcheck"]
ENTRYPOINT ["lossd"]

FROM runtime AS runtime-aten
USER root
COPY dev packages.txt /tmp/
RUN apt-get update -qq \
 && /tmp/dev packages aten | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y -qq --no-install-recommends \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /tmp/dev /tmp/packages.txt
COPY --from=build /out-aten /
USER 10001:10001

FROM dependencies AS dependencies-cuda
COPY cuda-packages.txt ./
COPY cmake/cuda_packages cmake/
RUN apt-get update -qq \
 && ./dev packages cuda | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y -qq --no-install-recommends \
 && apt-get clean && rm -rf /var/lib/apt/lists/* && cmake/cuda_packages

FROM dependencies-cuda AS build-cuda
COPY . .
RUN LOSSD_CUDA_PACKAGES=$(cmake/cuda_packages) cmake --preset cuda && cmake --build --preset cuda --target lossd_cuda \
 && deploy/image/cuda_libraries build/cuda/bin/liblossd_cuda.so /out-cuda/usr/local/lib/lossd

FROM runtime AS runtime-cuda
COPY --from=build-cuda /out-cuda /
# What the container toolkit of the host lets in: the driver's libraries for computing and its monitoring.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# It listens when LibTorch is loaded and the cards are there.
HEALTHCHECK --start-period=120s --interval=10s --timeout=3s CMD ["lossd", "--healthcheck"]

# What a build without --target makes.
FROM runtime
