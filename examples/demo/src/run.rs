//! All of it together: functions run side by side, and a consumer reads what their extensions put.

use std::time::Duration;

use local_kinesis::LocalKinesis;
use reader::aws::local_client;
use reader::clean::clean;
use reader::filter::Filter;
use reader::paint::Look;
use reader::screen::Screen;
use reader::show::{Output, Show};
use reader::stream::{News, Pace, Reader, Start, Stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::bill::billed_kb_one_by_one;
use crate::error::{Error, in_time};
use crate::found::Found;
use crate::function::{Ended, Function, STREAM, free_ports};
use crate::page::Page;
use crate::programs::Programs;
use crate::scenario::{self, SCRIPTS};
use crate::table::{Endings, Table};
use crate::verdict::{Truth, Verdict};

/// Shards of the stream: more than one, so that the order of lines is not the stream's doing.
const SHARDS: u32 = 2;

/// Number of missing events shown.
const MISSING_SHOWN: usize = 10;

/// Interval at which lines that waited for others are looked at.
const TICK: Duration = Duration::from_millis(100);

/// What is still there when the functions are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    No,
    /// The stream, for a consumer of one's own.
    Stream,
    /// A page of it.
    Page,
}

/// Runs the demo, on a `LocalSet`. Answers whether everything arrived. `stay`: only when Kinesis was no longer wanted.
pub(crate) async fn run(screen: &mut Screen, stay: Stay) -> Result<bool, Error> {
    let programs = Programs::find()?;
    screen.progress("starting Kinesis and Lambda");
    let kinesis = LocalKinesis::builder().stream(STREAM, SHARDS).start();
    let kinesis = in_time("the start of Kinesis", kinesis).await??;
    let mut consumer = Consumer::new(&kinesis, screen.colours());
    let page = match stay {
        Stay::Page => Some(Page::open(&mut consumer.show, screen).await?),
        _ => None,
    };
    let mut tick = interval(TICK);

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
            _ = tick.tick() => {
                consumer.show(screen)?;
                consumer.tell(page.as_ref());
            }
            news = consumer.reader.next() => consumer.take(news?)?,
        }
    }
    screen.progress("reading the rest of the stream");
    let all_is_put = Instant::now();
    let rest = async {
        while !consumer.reader.caught_up_with(all_is_put) {
            let news = consumer.reader.next().await?;
            consumer.take(news)?;
            consumer.show(screen)?;
        }
        Ok::<_, Error>(())
    };
    in_time("reading the stream to its end", rest).await??;
    consumer.finish(screen)?;
    let complete = conclude(screen, &ended, &consumer.found)?;
    consumer.tell(page.as_ref());
    if let Some(page) = &page {
        screen.say(&format!("the page is there until Ctrl-C: {}", page.url()));
        // An interrupt drops all of this.
        std::future::pending::<()>().await;
    }
    if stay == Stay::No {
        screen.say("to look at it on a page in your browser: make demo WEB=1");
    } else {
        let endpoint = kinesis.endpoint();
        screen.say(&format!(
            "the stream is there until Ctrl-C: consumer {STREAM} --from trim-horizon --endpoint {endpoint}"
        ));
        // An interrupt drops all of this.
        std::future::pending::<()>().await;
    }
    Ok(complete)
}

/// Reads the stream at Kinesis's pace and shows what comes.
struct Consumer {
    reader: Reader,
    show: Show,
    found: Found,
}

impl Consumer {
    fn new(kinesis: &LocalKinesis, colours: bool) -> Self {
        let client = local_client(kinesis.endpoint());
        Self {
            reader: Reader::new(client, Stream::new(STREAM), Start::TrimHorizon, Pace::default()),
            show: Show::new(Output::Lines { colours }, Filter::default()),
            found: Found::default(),
        }
    }

    fn take(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Batch(batch) => self.show.take(self.found.take(&batch.records)?, Instant::now()),
            News::Trouble(trouble) => return Err(trouble.error.into()),
            News::Expired(_) => {}
        }
        Ok(())
    }

    /// Tells the page how it goes.
    fn tell(&self, page: Option<&Page>) {
        if let Some(page) = page {
            page.tell(&self.reader, self.found.unpacker());
        }
    }

    /// Shows what need not wait for others.
    fn show(&mut self, screen: &mut Screen) -> Result<(), Error> {
        let mut out = String::new();
        self.show.release(Instant::now(), &mut out);
        Ok(screen.lines(&out)?)
    }

    fn finish(&mut self, screen: &mut Screen) -> Result<(), Error> {
        let mut out = String::new();
        self.show.finish(&mut out);
        Ok(screen.lines(&out)?)
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
            screen.say(&format!("the extension of {} logged: {}", function.name, clean(line)));
        }
        if !function.shutdown.clean() {
            screen.say(&format!("the extension of {} did not end by itself", function.name));
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
        records: found.records(),
        lines: found.lines(),
        billed_kb: found.billed_kb,
        one_by_one_kb: billed_kb_one_by_one(handed_over().map(|event| event.json.as_ref())),
        added,
    };
    let missing = verdict.missing.iter().take(MISSING_SHOWN);
    let missing = missing.map(|event| Look::Red.paint(&format!("missing: {}", clean(event)), colours));
    let lines = [String::new()].into_iter().chain(missing).chain(table.render(colours));
    screen.lines(&lines.map(|line| line + "\n").collect::<String>())?;
    Ok(verdict.lost() == 0)
}
