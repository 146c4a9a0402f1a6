pub(crate) mod constraints;
mod directory;
pub(crate) mod hidden;
pub(crate) mod name;
pub(crate) mod san;
pub(crate) mod subtrees;
pub(crate) mod uri;
pub(crate) mod within;
pub(crate) mod word;
