//! A batch until it is accepted: retried as OTLP says, cut in halves where something in it cannot be taken.

use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::Item;
use super::batch::requests;
use super::endpoint::Endpoint;
use super::verdict::{Verdict, verdict};

/// The wait after a first failure is below this, and doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// No wait is longer, unless the receiver asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Lines of a request, at most. OpenTelemetry's own exporters send 512; collectors take 4 MiB or more at once.
pub const MOST_LINES: usize = 2_000;

/// Bytes of a request's lines, unless one line alone is longer.
pub const MOST_BYTES: usize = 1024 * 1024;

/// Characters of an answer that are told.
const MOST_TOLD: usize = 300;

/// Sends lines to an endpoint.
#[derive(Debug, Clone)]
pub struct Sender {
    endpoint: Endpoint,
}

/// What became of a batch.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Lines that the receiver has.
    pub accepted: u64,
    /// Log records, data points and spans that it will never take.
    pub rejected: u64,
    /// Its reasons, a few of them.
    pub reasons: Vec<String>,
}

/// The receiver takes nothing: somebody must see to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url} answered {status}{}{answer}", if answer.is_empty() { "" } else { ": " })]
pub struct Refused {
    /// Where it was posted to.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the answer.
    pub answer: String,
}

/// One post, in the end.
enum Posted {
    Taken,
    Unacceptable(String),
}

impl Sender {
    /// A sender to this endpoint.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Sends lines; returns once the receiver has them, or said that it never takes some of them. Whatever may pass is
    /// tried again without an end, and told to `trouble`.
    ///
    /// # Errors
    /// The receiver takes nothing. Some of the lines may have been accepted.
    pub async fn send(&self, items: &[Item], mut trouble: impl FnMut(String)) -> Result<Sent, Refused> {
        let mut sent = Sent::default();
        let mut slices = cut(items);
        slices.reverse();
        while let Some(slice) = slices.pop() {
            let requests = requests(slice, SystemTime::now());
            if let Some(logs) = &requests.logs {
                match self.post("/v1/logs", logs, &mut sent, &mut trouble).await? {
                    Posted::Taken => sent.accepted += slice.len() as u64,
                    // One bad line, or too many at once: the halves are other requests.
                    Posted::Unacceptable(_) if slice.len() > 1 => {
                        let (first, second) = slice.split_at(slice.len() / 2);
                        slices.extend([second, first]);
                        continue;
                    }
                    Posted::Unacceptable(reason) => sent.reject(1, reason),
                }
            }
            for (path, request) in [("/v1/metrics", &requests.metrics), ("/v1/traces", &requests.spans)] {
                if let Some(request) = request
                    && let Posted::Unacceptable(reason) = self.post(path, request, &mut sent, &mut trouble).await?
                {
                    sent.reject(1, reason);
                }
            }
        }
        Ok(sent)
    }

    async fn post(
        &self,
        path: &str,
        body: &[u8],
        sent: &mut Sent,
        trouble: &mut impl FnMut(String),
    ) -> Result<Posted, Refused> {
        let mut failures = 0_u32;
        loop {
            let (reason, asked) = match self.endpoint.post(path, body).await {
                Err(reason) => (format!("got no answer: {reason}"), None),
                Ok(answer) => {
                    let told = || told(&answer.body);
                    let retry_after = answer.retry_after.as_deref();
                    match verdict(answer.status, retry_after, &answer.body, SystemTime::now()) {
                        Verdict::Accepted { rejected, message } => {
                            if rejected > 0 || !message.is_empty() {
                                sent.reject(rejected, message);
                            }
                            return Ok(Posted::Taken);
                        }
                        Verdict::Later(asked) => (format!("answered {}", answer.status), asked),
                        Verdict::Unacceptable => {
                            return Ok(Posted::Unacceptable(format!("{} {}", answer.status, told())));
                        }
                        Verdict::Refused => {
                            return Err(Refused {
                                url: self.endpoint.url(path),
                                status: answer.status,
                                answer: told(),
                            });
                        }
                    }
                }
            };
            failures = failures.saturating_add(1);
            let wait = pause(failures).max(asked.unwrap_or_default());
            let url = self.endpoint.url(path);
            trouble(format!("{url} {reason}; again in {:.1} s", wait.as_secs_f64()));
            sleep(wait).await;
        }
    }
}

impl Sent {
    fn reject(&mut self, count: u64, reason: String) {
        /// Reasons that are kept: they repeat.
        const MOST: usize = 5;
        self.rejected += count;
        if self.reasons.len() < MOST && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

/// Lines in their order, as many in a slice as go into a request.
fn cut(items: &[Item]) -> Vec<&[Item]> {
    let (mut slices, mut rest) = (Vec::new(), items);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest.iter().take(MOST_LINES).take_while(|item| {
            bytes += item.line.len();
            bytes <= MOST_BYTES
        });
        let (slice, after) = rest.split_at(fit.count().max(1));
        slices.push(slice);
        rest = after;
    }
    slices
}

/// Exponential with jitter.
fn pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let ceiling = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
    ceiling.mul_f64(0.5 + 0.5 * fastrand::f64())
}

/// The beginning of an answer, if it is text.
fn told(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let is_text = |char: &char| !char.is_control() && *char != char::REPLACEMENT_CHARACTER;
    text.trim().chars().filter(is_text).take(MOST_TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_so_many_lines_and_bytes_and_one_line_at_least() {
        let of = |bytes: usize| Item {
            line: "x".repeat(bytes),
            level: None,
        };
        let lengths = |items: &[Item]| cut(items).iter().map(|slice| slice.len()).collect::<Vec<_>>();
        assert!(lengths(&[]).is_empty());
        assert_eq!(lengths(&vec![of(1); MOST_LINES * 2 + 1]), [MOST_LINES, MOST_LINES, 1]);
        assert_eq!(lengths(&vec![of(MOST_BYTES / 2); 5]), [2, 2, 1]);
        assert_eq!(
            lengths(&[of(1), of(MOST_BYTES + 1), of(MOST_BYTES), of(1)]),
            [1, 1, 1, 1]
        );
    }
}
