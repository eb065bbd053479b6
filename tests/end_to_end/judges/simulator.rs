//! `lambda-simulator`, a crate that is not ours, judges registration, INVOKE, freeze and SHUTDOWN of the real binary.
//!
//! It makes platform events only, and counts SHUTDOWN as done once it is delivered; so the end of the extension's work is
//! seen in the stream.

use std::time::Duration;

use end_to_end::binaries;
use end_to_end::world::*;
use lambda_simulator::process::{ProcessConfig, ProcessRole};
use lambda_simulator::{FreezeMode, InvocationStatus, ShutdownReason, Simulator, SimulatorPhase};

#[tokio::test]
async fn an_independent_simulator_finds_nothing_wrong() {
    let kinesis = kinesis().await;
    let simulator = Simulator::builder()
        .function_name("judged")
        .freeze_mode(FreezeMode::Process)
        .build()
        .await
        .unwrap();
    let port = free_port();
    let extension = ProcessConfig::new(binaries::extension(), ProcessRole::Extension)
        .env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
        .env("AWS_ACCESS_KEY_ID", "AKIDJUDGE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("FORWARDER_SINKS__KINESIS__STREAM", STREAM)
        .env("FORWARDER_TELEMETRY__PORT", port.to_string())
        .env("FORWARDER_SPOOL__DIR", spool_dir(port))
        // What is judged is that a flush ends before the freeze, however slow the machine and quick the invocations.
        .env("FORWARDER_FLUSH__STRATEGY", "end")
        .env("FORWARDER_FLUSH__BUDGET", "20s")
        .env("FORWARDER_LOG", "info")
        .inherit_stdio(false);
    let extension = simulator.spawn_process_with_config(extension).unwrap();
    let registered = || async { simulator.extension_count().await == 1 };
    simulator
        .wait_for(registered, PATIENCE)
        .await
        .expect("the extension registers");
    let details = simulator.get_registered_extensions().await.remove(0);
    assert_eq!(
        details.name,
        binaries::extension().file_name().unwrap().to_string_lossy()
    );
    assert_eq!(details.events.len(), 2, "INVOKE and SHUTDOWN: {:?}", details.events);
    let function = ProcessConfig::new(binaries::test_function(), ProcessRole::Runtime).inherit_stdio(false);
    let function = simulator.spawn_process_with_config(function).unwrap();
    simulator
        .wait_for_phase(SimulatorPhase::Ready, PATIENCE)
        .await
        .expect("init ends");

    for _ in 0..3 {
        let request_id = simulator.enqueue_payload(serde_json::json!({"lines": 2})).await;
        let state = simulator
            .wait_for_invocation_complete(&request_id, PATIENCE)
            .await
            .unwrap();
        assert_eq!(state.status, InvocationStatus::Success);
        simulator
            .wait_for_extensions_ready(&request_id, PATIENCE)
            .await
            .expect("the extension asks for the next event");
        simulator
            .wait_for_frozen(PATIENCE)
            .await
            .expect("everybody waits, so the environment freezes");
        let found = Found::in_stream(&kinesis, STREAM).await;
        let done = found.of_type("platform.runtimeDone");
        assert!(
            done.iter().any(|line| line["record"]["requestId"] == *request_id),
            "delivered before the freeze"
        );
    }
    simulator.graceful_shutdown(ShutdownReason::Spindown).await;
    let proven = |records: &[local_kinesis::StoredRecord]| {
        let found = Found::in_records(records.iter().map(|record| record.data.as_ref()));
        found
            .of_type("forwarder.report")
            .iter()
            .any(|line| line["record"]["final"] == true)
    };
    kinesis
        .wait_for_records(STREAM, Duration::from_secs(10), proven)
        .await
        .expect("a final report after SHUTDOWN");
    let found = Found::in_stream(&kinesis, STREAM).await;
    found.assert_proven();
    assert_eq!(found.of_type("platform.runtimeDone").len(), 3);
    drop((extension, function));
}
