//! How a unit is brought up, and how it is changed while it runs: a fixed few ways.

/// Programs arrive in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wave {
    /// With everything small.
    Etcd,
    /// kube-apiserver.
    Apiserver,
    /// What uses the API on masters.
    Controllers,
    /// The container runtime, CNI plugins and images.
    Runtime,
    /// What runs on nodes.
    Node,
    /// What people use.
    Tools,
}

/// All waves, in order.
pub const WAVES: [Wave; 6] = [Wave::Etcd, Wave::Apiserver, Wave::Controllers, Wave::Runtime, Wave::Node, Wave::Tools];

/// What must be there before a unit that does not run is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Nothing,
    /// etcd.
    Etcd,
    /// The API servers.
    Api,
    /// The host's container runtime with its images, and API servers that listen.
    Runtime,
    /// The same, and the API objects that say what it may do.
    Objects,
    /// The host's node is registered and has its piece of the pod network.
    Registered,
}

/// How a unit that runs is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rolling {
    /// One at a time, the leader last, each only while the others keep the quorum.
    Quorum,
    /// One at a time across all masters.
    ControlPlane,
    /// On one host first, then on the others together.
    Canary,
    /// Everywhere at once.
    Together,
}

impl Rolling {
    /// In which order several hosts get it, in a few words.
    pub fn order(self) -> &'static str {
        match self {
            Rolling::Quorum | Rolling::ControlPlane => "one by one",
            Rolling::Canary => "the first, then the others at once",
            Rolling::Together => "all at once",
        }
    }
}

/// How a unit is known to be ready, beyond what systemd says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// It runs, and listens where it was restarted.
    Runs,
    /// The etcd members answer and have a leader.
    Etcd,
    /// Its /readyz says so, and another one's did before a restart.
    Api,
    /// Images can be imported into it.
    Runtime,
    /// Its node is registered.
    Node,
    /// It leads to an API server, where one is ready; nothing that uses it starts before.
    Balancer,
    /// It is a timer that waits for its next time; what it starts has run once.
    Timer,
}

/// How a unit is brought up and changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    /// The wave that its program travels in.
    pub wave: Wave,
    /// What must be there before it starts.
    pub after: After,
    /// How it is changed while it runs.
    pub rolling: Rolling,
    /// How it is known to be ready.
    pub ready: Ready,
}
