//! The guide: one page for each question.

#[doc = include_str!("../docs/serving.md")]
pub mod serving {}

#[doc = include_str!("../docs/calling.md")]
pub mod calling {}

#[doc = include_str!("../docs/notifications.md")]
pub mod notifications {}

#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[cfg(feature = "service")]
#[doc = include_str!("../docs/services.md")]
pub mod services {}

#[cfg(feature = "openstack")]
#[doc = include_str!("../docs/nova.md")]
pub mod nova {}

#[cfg(feature = "openstack")]
#[doc = include_str!("../docs/neutron.md")]
pub mod neutron {}
