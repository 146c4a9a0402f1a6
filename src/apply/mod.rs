//! Make it so: push what differs, restart what changed, in the right order.
