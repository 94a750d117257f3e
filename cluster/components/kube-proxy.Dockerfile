# kube-proxy writes packet rules with the programs of the node's root.
ARG ROOT
FROM ${ROOT} AS root
RUN set -eu; mkdir /taken; \
    programs="/usr/sbin/xtables-nft-multi /usr/sbin/nft /usr/sbin/conntrack /usr/bin/kmod"; \
    extensions=$(echo /usr/lib/*/xtables); \
    ldd ${programs} ${extensions}/*.so | grep -o '/[^ :]*\.so[^ :]* (' | tr -d ' (' | sort -u > /needed; \
    cp --parents --dereference ${programs} $(cat /needed) /taken; \
    cp --parents -r ${extensions} /taken; \
    for name in iptables ip6tables; do for action in "" -save -restore; do \
      ln -s xtables-nft-multi "/taken/usr/sbin/${name}${action}"; done; done; \
    ln -s ../bin/kmod /taken/usr/sbin/modprobe; \
    mkdir -p /taken/run /taken/tmp

FROM scratch
COPY --from=root /taken /
COPY kube-proxy /usr/local/bin/kube-proxy
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin
