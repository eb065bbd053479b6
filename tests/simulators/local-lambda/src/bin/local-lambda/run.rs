//! Execution of a command.

use std::sync::Arc;
use std::time::Duration;

use local_lambda::{Builder, Chaos, Error, LocalLambda, Mode};
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::tell;

/// Time that Lambda gives an environment with external extensions for its shutdown.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// Answers whether all went well.
pub(crate) async fn run(arguments: &Arguments) -> Result<bool, Error> {
    let chaos = arguments.chaos.map(|seed| match arguments.mode {
        Some(mode) => Chaos::of_mode(seed, mode),
        None => Chaos::of(seed),
    });
    let mut builder = builder(arguments);
    if let Some(chaos) = &chaos {
        println!("chaos       seed {}, {}", chaos.seed, chaos.mode);
        builder = chaos.configure(builder);
    }
    let lambda = match builder.start().await {
        Err(Error::Init(failure)) => {
            write_events(arguments, &failure.events)?;
            return Err(Error::Init(failure));
        }
        started => Arc::new(started?),
    };
    tell::init(&lambda);
    let mut good = match &chaos {
        Some(chaos) => play(chaos, arguments, &lambda).await?,
        None if arguments.mode == Some(Mode::ManagedInstances) => invoke_at_once(arguments, &lambda).await?,
        None => invoke(arguments, &lambda).await?,
    };
    match lambda.shutdown(&arguments.shutdown_reason, SHUTDOWN_LIMIT).await {
        Ok(report) => {
            tell::shutdown(&report);
            good &= report.clean();
        }
        // A Managed Instance that was broken is over, and that was told.
        Err(Error::ShutDown) => {}
        Err(error) => return Err(error),
    }
    tell::telemetry(&lambda);
    write_events(arguments, &lambda.events())?;
    Ok(good)
}

fn builder(arguments: &Arguments) -> Builder {
    let mut builder = LocalLambda::builder()
        .mode(arguments.mode.unwrap_or_default())
        .concurrency(u32::try_from(arguments.concurrency).unwrap_or(u32::MAX))
        .memory_mb(arguments.memory_mb)
        .limit_memory(arguments.limit_memory)
        .timeout(arguments.timeout);
    if let Some(function) = &arguments.function {
        builder = builder.function(function);
    }
    for extension in &arguments.extensions {
        builder = builder.extension(extension);
    }
    for (name, value) in &arguments.variables {
        builder = builder.env(name, value);
    }
    if let Some(tenant) = &arguments.tenant {
        builder = builder.tenant_id(tenant);
    }
    if let Some(format) = arguments.log_format {
        builder = builder.log_format(format);
    }
    match arguments.init_timeout {
        Some(limit) => builder.init_timeout(limit).tolerate_init_failure(true),
        None => builder,
    }
}

fn events(arguments: &Arguments) -> impl Iterator<Item = &String> {
    std::iter::repeat_n(&arguments.events, arguments.count).flatten()
}

/// One after the other.
async fn invoke(arguments: &Arguments, lambda: &LocalLambda) -> Result<bool, Error> {
    let execution = arguments.durable.as_ref().map(|name| lambda.durable_execution(name));
    let mut good = true;
    for (index, event) in events(arguments).enumerate() {
        let invocation = match &execution {
            Some(execution) => execution.invoke(event).await?,
            None => lambda.invoke(event.clone()).await?,
        };
        tell::invocation(&format!("invoke {}", index + 1), &invocation);
        good &= invocation.succeeded();
    }
    Ok(good)
}

/// As many as the instance takes.
async fn invoke_at_once(arguments: &Arguments, lambda: &Arc<LocalLambda>) -> Result<bool, Error> {
    let mut good = true;
    let mut running = JoinSet::new();
    let mut all = events(arguments).cloned().enumerate();
    loop {
        while running.len() < arguments.concurrency
            && let Some((index, event)) = all.next()
        {
            let lambda = Arc::clone(lambda);
            running.spawn(async move { (index, lambda.invoke(event).await) });
        }
        match running.join_next().await {
            None => return Ok(good),
            Some(Ok((index, invocation))) => {
                let invocation = invocation?;
                tell::invocation(&format!("invoke {}", index + 1), &invocation);
                good &= invocation.succeeded();
            }
            // It was cancelled with the run.
            Some(Err(_)) => return Ok(false),
        }
    }
}

/// Good is what the extensions did; a function that fails amid all that is none of their business.
async fn play(chaos: &Chaos, arguments: &Arguments, lambda: &Arc<LocalLambda>) -> Result<bool, Error> {
    let mut good = true;
    let mut events = arguments.events.iter().cycle();
    let event = || events.next().cloned().unwrap_or_default();
    chaos
        .play(lambda, event, |played| {
            tell::step(&played);
            good &= played.complaints.is_empty();
        })
        .await?;
    Ok(good)
}

/// Writes every event to the file that was asked for.
fn write_events(arguments: &Arguments, events: &[String]) -> Result<(), Error> {
    let Some(path) = &arguments.telemetry_out else {
        return Ok(());
    };
    let lines: String = events.iter().flat_map(|event| [event, "\n"]).collect();
    std::fs::write(path, lines).map_err(|source| Error::Io {
        what: "writing the telemetry",
        source,
    })
}
