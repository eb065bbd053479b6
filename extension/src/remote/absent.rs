//! In place of `remote` in a build without the feature `remote-config`, whose configuration names no document.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use forwarder_core::Forwarder;
use forwarder_core::forwarder::flush::FlushPolicy;

use crate::config::Config;
use crate::listener::Intake;

/// Parts that a document would change.
#[expect(dead_code, reason = "nothing changes them in this build")]
pub(crate) struct Parts {
    pub(crate) forwarder: Arc<Forwarder>,
    pub(crate) policy: Arc<Mutex<FlushPolicy>>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) account: Option<String>,
}

/// There is none.
pub(crate) enum Remote {}

impl Remote {
    pub(crate) fn begin(_: &Config, _: Option<String>, _: Parts) -> Option<Arc<Self>> {
        None
    }

    pub(crate) fn start(self: &Arc<Self>, _: &Arc<Intake>) {
        match **self {}
    }

    pub(crate) fn renew(&self) {
        match *self {}
    }
}

/// The configuration as it is.
pub(crate) fn last_good(config: Config, _: &BTreeMap<String, String>, _: Option<&str>) -> (Config, Option<String>) {
    (config, None)
}
