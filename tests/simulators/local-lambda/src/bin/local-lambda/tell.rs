//! Output for the terminal.

use std::time::Duration;

use local_lambda::{Invocation, LocalLambda, Played, ShutdownReport};

pub(crate) fn init(lambda: &LocalLambda) {
    let init = lambda.init();
    println!("init        {:>9}  {}", ms(init.duration), init.status);
    for extension in &init.extensions {
        let after = |time: Option<Duration>| time.map_or("never".into(), ms);
        println!(
            "            {}: registered after {}, ready after {}",
            extension.name,
            after(extension.registered_after),
            after(extension.ready_after)
        );
    }
}

pub(crate) fn invocation(name: &str, invocation: &Invocation) {
    if let Some(restore) = &invocation.restore {
        println!("restore     {:>9}  {}", ms(restore.duration), restore.status);
    }
    if let Some(init) = &invocation.init {
        println!("init again  {:>9}  {}", ms(init.duration), init.status);
    }
    println!(
        "{name:<11} {:>9}  {}, extensions added {}, billed {} ms",
        ms(invocation.duration),
        invocation.status,
        ms(invocation.added),
        invocation.billed.as_millis()
    );
    if let Some(error) = &invocation.error {
        println!("            {error}");
    }
    if let Some(reset) = &invocation.reset {
        println!(
            "            reset, reason {}, took {}",
            reset.reason,
            ms(reset.duration)
        );
    }
}

pub(crate) fn step(played: &Played) {
    println!("{}", played.step);
    for invocation in &played.invocations {
        self::invocation("", invocation);
    }
    for complaint in &played.complaints {
        println!("            COMPLAINT: {complaint}");
    }
}

pub(crate) fn shutdown(report: &ShutdownReport) {
    println!("shutdown    {:>9}  reason {}", ms(report.duration), report.reason);
    for process in &report.processes {
        let exit = process.exit.map_or("unknown".into(), |exit| exit.to_string());
        let killed = if process.killed { ", killed" } else { "" };
        println!(
            "            {}: {exit} after {}{killed}",
            process.name,
            ms(process.after)
        );
    }
}

pub(crate) fn telemetry(lambda: &LocalLambda) {
    let handed = lambda.ground_truth();
    let acknowledged = handed.iter().filter(|event| event.acknowledged).count();
    println!(
        "telemetry   {} events, {} handed over, {acknowledged} acknowledged, {} failed POSTs",
        lambda.events().len(),
        handed.len(),
        lambda.failed_posts()
    );
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
