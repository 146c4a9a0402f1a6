# Whether this host's front end leads to an API server that works. Whether etcd has a quorum is the same for all: the
# address stays where it is then. An answer is enough, whatever it says: a front end that finds nobody ready leads to anybody.
exec curl --silent --show-error --output /dev/null --max-time 2.8 --noproxy '*' \
  --cacert '{{ layout.pki }}/ca.crt' --cert '{{ layout.pki }}/api-virtual-address.crt' --key '{{ layout.pki }}/api-virtual-address.key' \
  --connect-to ::127.0.0.1:{{ held.port }} \
  'https://kubernetes:{{ held.port }}/readyz?exclude=etcd&exclude=etcd-readiness'
