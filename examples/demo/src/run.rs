//! All of it together: functions run side by side, and a consumer reads what their extensions put.

use forwarder_core::format::Line;
use local_kinesis::LocalKinesis;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::clean::clean;
use crate::entry::Entries;
use crate::error::{Error, in_time};
use crate::found::Found;
use crate::function::{Ended, Function, STREAM, free_ports};
use crate::programs::Programs;
use crate::reader::{self, Reader};
use crate::scenario::{self, SCRIPTS};
use crate::screen::{Colour, Screen};
use crate::table::{Endings, Table, billed_kb_one_by_one};
use crate::verdict::{Truth, Verdict};

/// Shards of the stream: more than one, so that the order of lines is not the stream's doing.
const SHARDS: u32 = 2;

/// How many missing events are shown.
const MISSING_SHOWN: usize = 10;

/// Runs the demo, on a `LocalSet`. Answers whether everything arrived.
pub(crate) async fn run(screen: &mut Screen) -> Result<bool, Error> {
    let programs = Programs::find()?;
    screen.progress("starting Kinesis and Lambda");
    let kinesis = LocalKinesis::builder().stream(STREAM, SHARDS).start();
    let kinesis = in_time("the start of Kinesis", kinesis).await??;
    let mut consumer = Consumer::new(Reader::connect(kinesis.address(), STREAM).await?);

    let (begun, mut steps) = mpsc::unbounded_channel();
    let mut functions = JoinSet::new();
    for (script, port) in SCRIPTS.into_iter().zip(free_ports::<{ SCRIPTS.len() }>()?) {
        functions.spawn_local(Function::new(script, &programs, &kinesis, port).run(begun.clone()));
    }
    let mut ended = Vec::new();
    let mut begun_so_far = 0;
    loop {
        tokio::select! {
            Some((function, step)) = steps.recv() => {
                begun_so_far += 1;
                let all = scenario::invocations();
                screen.progress(&format!("invocation {begun_so_far} of {all} — {function}: {}", step.title));
            }
            done = functions.join_next() => match done {
                Some(done) => ended.push(done??),
                None => break,
            },
            _ = consumer.pace.tick() => {
                consumer.read_on(screen).await?;
            }
        }
    }
    screen.progress("reading the rest of the stream");
    let rest = async {
        loop {
            consumer.pace.tick().await;
            if consumer.read_on(screen).await? {
                return Ok::<_, Error>(());
            }
        }
    };
    in_time("reading the stream to its end", rest).await??;
    conclude(screen, &ended, &consumer.found)
}

/// Reads the stream at Kinesis's pace and shows what comes.
struct Consumer {
    reader: Reader,
    pace: Interval,
    entries: Entries,
    found: Found,
}

impl Consumer {
    fn new(reader: Reader) -> Self {
        let mut pace = interval(reader::INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            reader,
            pace,
            entries: Entries::default(),
            found: Found::default(),
        }
    }

    /// Answers whether there was nothing more.
    async fn read_on(&mut self, screen: &mut Screen) -> Result<bool, Error> {
        let round = self.reader.read_on().await?;
        let mut shown = Vec::new();
        for line in self.found.take(&round.records)? {
            shown.push(self.entries.entry(&Line(&line).event()?).render(screen.colours()));
        }
        if !shown.is_empty() {
            screen.lines(shown)?;
        }
        Ok(round.caught_up)
    }
}

/// Shows the table, and before it what should not be. Answers whether everything arrived.
fn conclude(screen: &mut Screen, ended: &[Ended], found: &Found) -> Result<bool, Error> {
    let handed_over = || ended.iter().flat_map(|function| &function.handed_over);
    let truth = handed_over().map(|event| Truth {
        json: &event.json,
        acknowledged: event.acknowledged,
    });
    let verdict = Verdict::of(truth, found);
    for function in ended {
        for line in &function.log {
            screen.warn(&format!("the extension of {} logged: {}", function.name, clean(line)));
        }
        if !function.shutdown.clean() {
            screen.warn(&format!("the extension of {} did not end by itself", function.name));
        }
    }
    if verdict.handed_over == 0 {
        let log = ended.iter().flat_map(|function| &function.log);
        return Err(Error::NothingHandedOver {
            log: log.map(|line| clean(line)).collect::<Vec<_>>().join(" "),
        });
    }
    screen.clear();
    let colours = screen.colours();
    let mut endings = Endings::default();
    let mut added = Vec::new();
    for invocation in ended.iter().flat_map(|function| &function.invocations) {
        endings.count(invocation);
        if invocation.reset.is_none() {
            added.push(invocation.added);
        }
    }
    let table = Table {
        endings,
        verdict: &verdict,
        records: found.records,
        lines: found.lines,
        billed_kb: found.billed_kb,
        one_by_one_kb: billed_kb_one_by_one(handed_over().map(|event| event.json.as_ref())),
        added,
    };
    let missing = verdict.missing.iter().take(MISSING_SHOWN);
    let missing = missing.map(|event| Colour::Red.paint(&format!("missing: {}", clean(event)), colours));
    screen.lines([String::new()].into_iter().chain(missing).chain(table.render(colours)))?;
    Ok(verdict.lost() == 0)
}
