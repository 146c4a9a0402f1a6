pub(crate) mod constraints;
mod directory;
pub(crate) mod name;
pub(crate) mod san;
pub(crate) mod subtrees;
pub(crate) mod uri;
mod within;
pub(crate) mod word;
