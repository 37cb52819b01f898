use std::time::Duration;

use tokio::time::{Instant, timeout};

/// How slow a body may come at least: fewer bytes than these in so much time of waiting are too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeastPace {
    /// Bytes.
    pub bytes: u64,
    /// Time of waiting. What is done with the bytes in between does not count.
    pub per: Duration,
}

impl LeastPace {
    /// 100 bytes a second, over two minutes: a third of what the slowest link carries that anybody runs a cluster behind,
    /// and longer than a modem takes to dial anew. What sends less sends to hold a connection open.
    pub const DEFAULT: Self = Self { bytes: 12_000, per: Duration::from_secs(120) };
}

/// A body came slower than [`LeastPace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {came} bytes came within {} s; at least {} are expected", least.per.as_secs(), least.bytes)]
pub struct TooSlow {
    came: u64,
    least: LeastPace,
}

/// Measures how fast pieces come.
pub struct Pace {
    least: LeastPace,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// Nothing has come yet.
    pub fn new(least: LeastPace) -> Self {
        Self { least, waited: Duration::ZERO, came: 0 }
    }

    /// Waits for the next piece, whose bytes `size` tells.
    ///
    /// # Errors
    /// The time is over, and brought too little.
    pub async fn wait<T>(
        &mut self,
        piece: impl Future<Output = T>,
        size: impl FnOnce(&T) -> usize,
    ) -> Result<T, TooSlow> {
        let mut piece = std::pin::pin!(piece);
        loop {
            let begun = Instant::now();
            match timeout(self.least.per.saturating_sub(self.waited), &mut piece).await {
                Ok(piece) => {
                    self.waited += begun.elapsed();
                    self.came += size(&piece) as u64;
                    return Ok(piece);
                }
                Err(_) if self.came < self.least.bytes => {
                    return Err(TooSlow { came: self.came, least: self.least });
                }
                Err(_) => *self = Self::new(self.least),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: LeastPace = LeastPace { bytes: 100, per: Duration::from_secs(10) };

    /// Pieces of so many bytes, one each second, with so much work after each; how many came.
    async fn pieces(bytes: usize, work: Duration, most: usize) -> Result<usize, TooSlow> {
        let mut pace = Pace::new(LEAST);
        for _ in 0..most {
            let piece = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                bytes
            };
            pace.wait(piece, |bytes| *bytes).await?;
            tokio::time::sleep(work).await;
        }
        Ok(most)
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_at_the_pace_may_go_on_for_ever_and_what_drips_may_not() {
        assert_eq!(pieces(11, Duration::ZERO, 1000).await, Ok(1000));
        let begun = Instant::now();
        let error = pieces(1, Duration::ZERO, 1000).await.unwrap_err();
        assert!((Duration::from_secs(10)..Duration::from_secs(12)).contains(&begun.elapsed()));
        assert!(error.to_string().ends_with("bytes came within 10 s; at least 100 are expected"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_who_reads_does_not_count() {
        assert_eq!(pieces(11, Duration::from_secs(100), 50).await, Ok(50));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_too_slow() {
        let mut pace = Pace::new(LEAST);
        assert!(pace.wait(std::future::pending::<()>(), |()| 0).await.is_err());
    }
}
