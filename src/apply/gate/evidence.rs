//! Why something did not become so, in the words of the hosts: what a wait that has ended in vain adds to its error.

use std::io::empty;

use crate::apply::Job;
use crate::clients::kube::Pod;
use crate::error::Result;
use crate::text::sh_quote;

/// Lines of a service or container that are shown.
const LINES: u32 = 4;

/// What the host's services say of which something is wrong, a block of text each; units in the order of the host's.
pub(in crate::apply) fn of_services(job: &Job<'_>, host: &str) -> Vec<String> {
    let units = job.desired.hosts.get(host).map_or(&[][..], |state| &state.units);
    let names: Vec<String> = units.iter().map(|unit| sh_quote(&unit.name)).collect();
    said(job, host, &services(&names.join(" ")))
}

/// The last lines of the containers of pods that are not ready.
pub(in crate::apply) fn of_pods(job: &Job<'_>, pods: &[Pod]) -> Vec<String> {
    let troubled = pods.iter().filter(|pod| !pod.ready && job.there.host(&pod.node).is_some());
    troubled.flat_map(|pod| said(job, &pod.node, &containers(job, pod))).collect()
}

/// Blocks of text, an empty line between them; that the host does not answer is said, too.
fn said(job: &Job<'_>, host: &str, script: &str) -> Vec<String> {
    let ran = || -> Result<String> {
        let output = job.connect(host)?.run(script, &mut empty())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    match ran() {
        Ok(text) => blocks(host, &text),
        Err(error) => vec![error.message],
    }
}

fn blocks(host: &str, text: &str) -> Vec<String> {
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| format!("{host}: {block}")).collect()
}

/// A service that does not run says its last lines; one that runs, those of the last minutes that are errors, in the
/// ways in which Kubernetes' programs, containerd and etcd write them.
fn services(units: &str) -> String {
    format!(
        r#"for unit in {units}; do
  state=$(systemctl show -p ActiveState -p SubState --value "$unit" | paste -sd ' ')
  lines() {{ journalctl --no-pager -q -o cat --since=-3min -n 400 -u "$unit"; }}
  errors='^[EF][0-9]|level=(error|fatal)|"level":"(error|fatal)"'
  case $state in
  'active running') said=$(lines | grep -E "$errors" | tail -n {LINES}) ;;
  *) said=$(lines | tail -n {LINES}) ;;
  esac
  if [ "$state" != 'active running' ] || [ -n "$said" ]; then
    printf '%s is %s\n%s\n\n' "$unit" "$state" "$said" | cut -c1-300
  fi
done
"#
    )
}

/// The kubelet keeps the logs in a folder of this name for each pod, a folder for each container in it.
fn containers(job: &Job<'_>, pod: &Pod) -> String {
    let Pod { namespace, name, .. } = pod;
    let folder = sh_quote(&format!("{}/{namespace}_{name}_", job.cluster.layout.pod_logs));
    format!(
        "for container in {folder}*/*/; do\n  \
         log=$(ls -t \"$container\"*.log 2>/dev/null | head -n 1)\n  \
         [ -z \"$log\" ] || printf '%s says\\n%s\\n\\n' {name} \"$(tail -n {LINES} \"$log\" | cut -d ' ' -f 4- | cut -c1-300)\"\n\
         done\n",
        name = sh_quote(name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_a_block_of_its_own() {
        let text =
            "kubelet.service is active running\nE1127 a\nE1127 b\n\nflanneld.service is activating auto-restart\n\n";
        assert_eq!(
            blocks("n2", text),
            [
                "n2: kubelet.service is active running\nE1127 a\nE1127 b",
                "n2: flanneld.service is activating auto-restart"
            ]
        );
        assert!(blocks("n2", "\n\n").is_empty());
    }
}
