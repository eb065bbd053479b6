//! What an open page is sent: rows as fast as it takes them, and once a second how everything stands. Server-sent events:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::channel::{Channel, Sender};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::filter::Filter;

use super::hub::{Hub, Tab};
use super::row::{Row, TAIL};

/// How often new rows are sent.
const TICK: Duration = Duration::from_millis(250);

/// How often it is said how everything stands.
const REPORT: Duration = Duration::from_secs(1);

/// Rows that are sent at once: 800 a second, more than anybody reads. Of more, each so many-th is sent, and the others counted.
const MOST_ROWS: usize = 200;

/// Rows of before that a page begins with.
const HISTORY: usize = 500;

/// Bytes of rows that are sent at once.
const MOST_BYTES: usize = 512 * 1024;

/// Messages on their way to a page that does not take them.
const ON_THE_WAY: usize = 2;

/// The events of a page. `last` is the number of the last row that it had, where it was connected before.
pub(super) fn body(hub: Arc<Hub>, tab: Tab, filter: Filter, last: Option<&str>) -> Body {
    let (sender, channel) = Channel::<Bytes, Infallible>::new(ON_THE_WAY);
    let known = last.and_then(|last| {
        last.strip_prefix(hub.boot.as_str())?
            .strip_prefix('-')?
            .parse::<u64>()
            .ok()
    });
    tokio::spawn(async move {
        let mut page = Page {
            next: known.map_or_else(|| hub.oldest(), |last| last.saturating_add(1)),
            begins: known.is_none(),
            hub,
            filter,
            version: 0,
            sender,
        };
        // It ends when nobody takes what is sent.
        let _ = page.serve().await;
        drop(tab);
    });
    Body::new(channel)
}

struct Page {
    hub: Arc<Hub>,
    filter: Filter,
    /// The number of the next row to look at.
    next: u64,
    /// Rows of before are history.
    begins: bool,
    /// Of the series, as the page has it.
    version: u64,
    sender: Sender<Bytes, Infallible>,
}

/// The page is closed.
struct Closed;

impl Page {
    async fn serve(&mut self) -> Result<(), Closed> {
        let hello = format!(
            "retry: 1000\nevent: hello\ndata: {{\"boot\":\"{}\"}}\n\n",
            self.hub.boot
        );
        self.send(hello).await?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported: Option<Instant> = None;
        loop {
            tick.tick().await;
            self.rows().await?;
            if reported.is_none_or(|last| last.elapsed() >= REPORT) {
                let (report, version) = self.hub.report(self.version);
                self.version = version;
                self.send(format!("event: report\ndata: {report}\n\n")).await?;
                reported = Some(Instant::now());
            }
        }
    }

    async fn rows(&mut self) -> Result<(), Closed> {
        let (rows, next) = self.hub.rows_from(self.next);
        // Those that left before the page took them.
        let missed = rows.first().map_or(next, |row| row.number).saturating_sub(self.next);
        let begins = std::mem::take(&mut self.begins);
        self.next = next;
        let mut wanted: Vec<Arc<Row>> = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            if self.filter.passes(&row.entry) {
                wanted.push(row);
            }
            if index % 1_000 == 999 {
                // An expression over 50,000 rows takes its time; the reader shares these threads.
                tokio::task::yield_now().await;
            }
        }
        let sent = select(&wanted, if begins { HISTORY } else { MOST_ROWS }, begins);
        let mut json = String::new();
        let mut count = 0;
        for row in sent {
            if json.len() > MOST_BYTES {
                break;
            }
            if count > 0 {
                json.push(',');
            }
            json.push_str(&row.json(TAIL));
            count += 1;
        }
        let skipped = if begins { 0 } else { wanted.len() - count };
        if count == 0 && skipped == 0 && missed == 0 && !begins {
            return Ok(());
        }
        let missed = if begins { 0 } else { missed };
        let (boot, last) = (&self.hub.boot, next.wrapping_sub(1));
        let id = if next > 0 {
            format!("id: {boot}-{last}\n")
        } else {
            String::new()
        };
        self.send(format!(
            "{id}event: rows\ndata: {{\"rows\":[{json}],\"skipped\":{skipped},\"missed\":{missed},\"history\":{begins}}}\n\n"
        ))
        .await
    }

    async fn send(&mut self, text: String) -> Result<(), Closed> {
        self.sender.send_data(text.into()).await.map_err(|_| Closed)
    }
}

/// So many of the rows at most: the newest of history, otherwise some of all of them.
fn select(rows: &[Arc<Row>], most: usize, newest: bool) -> impl Iterator<Item = &Arc<Row>> {
    let (skip, step) = if newest {
        (rows.len().saturating_sub(most), 1)
    } else {
        (0, rows.len().div_ceil(most).max(1))
    };
    rows.iter().skip(skip).step_by(step)
}

#[cfg(test)]
mod tests {
    use super::super::hub::tests::publish;
    use super::*;
    use crate::unpack::tests::line;
    use axum::body::BodyDataStream;
    use http_body_util::BodyExt as _;

    async fn next_rows(body: &mut Body) -> serde_json::Value {
        loop {
            let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
            let text = String::from_utf8(frame.to_vec()).unwrap();
            if let Some((_, data)) = text.split_once("event: rows\ndata: ") {
                return serde_json::from_str(data.trim_end()).unwrap();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_gets_the_newest_of_before_then_what_comes_and_a_number_of_the_rest() {
        let hub = Arc::new(Hub::default());
        publish(&hub, (0..2_000).map(|seq| line("a", seq, "1")));
        let mut body = body(hub.clone(), hub.open().unwrap(), Filter::default(), None);
        let history = next_rows(&mut body).await;
        assert_eq!(history["rows"].as_array().unwrap().len(), HISTORY);
        assert_eq!(
            (&history["rows"][0]["n"], &history["history"]),
            (&1_500.into(), &true.into())
        );
        publish(&hub, (2_000..4_500).map(|seq| line("a", seq, "1")));
        let rows = next_rows(&mut body).await;
        let sent = rows["rows"].as_array().unwrap().len();
        assert_eq!((sent, rows["skipped"].as_u64().unwrap()), (193, 2_500 - 193));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_takes_nothing_holds_nobody_up_and_is_told_what_it_missed() {
        let hub = Arc::new(Hub::default());
        let mut body = body(hub.clone(), hub.open().unwrap(), Filter::default(), None);
        assert_eq!(next_rows(&mut body).await["history"], true);
        for call in 0..60 {
            publish(&hub, (0..2_000).map(|seq| line("a", call * 2_000 + seq, "1")));
            tokio::time::sleep(TICK).await;
        }
        let mut seen = 0;
        while seen < 120_000 {
            let rows = next_rows(&mut body).await;
            let count = |name: &str| rows[name].as_u64().unwrap();
            seen += rows["rows"].as_array().unwrap().len() as u64 + count("skipped") + count("missed");
        }
        assert_eq!(seen, 120_000);
        drop(body);
        while hub.is_watched() {
            tokio::time::sleep(TICK).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_again_goes_on_and_who_comes_to_another_reader_begins() {
        let hub = Arc::new(Hub::default());
        publish(&hub, (0..10).map(|seq| line("a", seq, "1")));
        let mut again = body(
            hub.clone(),
            hub.open().unwrap(),
            Filter::default(),
            Some(&format!("{}-6", hub.boot)),
        );
        let rows = next_rows(&mut again).await;
        assert_eq!(rows["rows"][0]["n"], 7);
        let mut other = body(
            hub.clone(),
            hub.open().unwrap(),
            Filter::default(),
            Some("0123456789abcdef-6"),
        );
        assert_eq!(next_rows(&mut other).await["history"], true);
        let _: fn(Body) -> BodyDataStream = Body::into_data_stream;
    }
}
