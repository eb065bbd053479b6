//! From exec to the first `next`.

use crate::Result;
use crate::contender::Contender;
use crate::sandbox::groups::Groups;
use crate::sandbox::{Sandbox, Start};

/// Starts a contender, and kills it when it has asked for its first event.
pub async fn start(contender: &Contender, groups: Option<&Groups>) -> Result<Start> {
    // Nobody is asked for anything before the first `next`; who tries finds nobody.
    let mut sandbox = Sandbox::start(contender, "http://127.0.0.1:9", groups).await?;
    sandbox.wait_until_started().await
}
