pub(crate) mod constraints;
pub(crate) mod name;
pub(crate) mod san;
pub(crate) mod uri;
