//! The restore of a snapshot: what was frozen after init goes on, in what takes itself for another environment.
//!
//! A process cannot be cloned from a snapshot here. It is the one that was frozen, so a test sees one environment of the
//! many that Lambda would make; what is stale after a restore is just as stale.

use std::time::Instant;

use tokio::time::timeout_at;

use super::environment::{Environment, new_instance_id};
use super::init::RUNTIME_VERSION;
use super::report::RestoreReport;
use crate::fault::{Fault, Status, TIMED_OUT};
use crate::role::Role;
use crate::telemetry::records::{self, Millis};

impl Environment {
    /// Thaws the snapshot and lets the runtime run its restore hooks. If that fails, all processes have ended when this
    /// returns.
    pub(crate) async fn restore(&mut self) -> RestoreReport {
        self.instance_id = new_instance_id(&self.shared.config.function_version);
        let shared = &self.shared;
        let config = &shared.config;
        let started = Instant::now();
        shared.hub.emit(&records::RestoreStart {
            runtime_version: RUNTIME_VERSION,
            runtime_version_arn: &self.runtime_version_arn(),
            function_name: &config.function_name,
            function_version: &config.function_version,
            instance_id: &self.instance_id,
            instance_max_memory: config.memory_bytes(),
        });
        shared.credentials.renew();
        self.thaw();
        shared.state.update(|state| state.runtime.restored = true);

        let limit = config.policy.restore_limit;
        let has_function = config.function.is_some();
        let done = shared.state.wait(|state| match state.fault() {
            Some(fault) => Some(Err(fault)),
            None if !has_function => Some(Ok(())),
            None => state.runtime_idle_since().map(|_| Ok(())),
        });
        let outcome = timeout_at((started + limit).into(), done).await.unwrap_or_else(|_| {
            let limit = limit.as_secs_f64();
            Err(Fault::new(
                TIMED_OUT,
                format!("the restore timed out after {limit:.2} seconds"),
            ))
        });
        let duration = started.elapsed();
        let status = outcome.as_ref().err().map_or(Status::Success, Fault::status);
        let error_type = outcome.as_ref().err().and_then(Fault::told_type);
        shared.drain(Role::Function);
        shared.hub.emit(&records::RestoreRuntimeDone { status, error_type });
        shared.hub.emit(&records::RestoreReport {
            status,
            error_type,
            metrics: records::InitMetrics {
                duration: Millis(duration),
            },
        });
        let fault = outcome.err();
        if fault.is_some() {
            self.reset("failure").await;
        } else {
            self.unreported_restore = Some(duration);
        }
        RestoreReport {
            duration,
            status,
            fault,
        }
    }
}
