//! What several elements and commands share.

pub(crate) mod error;
pub(crate) mod expression;
pub(crate) mod incident;
pub(crate) mod multi_instance;
pub(crate) mod subscription;
pub(crate) mod transition;
pub(crate) mod trigger;
pub(crate) mod variable;
