use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// A token bucket: so many requests a second, so many at once.
pub(super) struct Rate {
    state: Mutex<(f64, Instant)>,
    per_second: f64,
    burst: f64,
}

impl Rate {
    pub(super) fn new(per_second: f32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self { state: Mutex::new((burst, Instant::now())), per_second: f64::from(per_second), burst }
    }

    /// Waits for a token. Requests pass in the order of their calls.
    pub(super) async fn pass(&self) {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        let gained = now.duration_since(state.1).as_secs_f64() * self.per_second;
        let tokens = (state.0 + gained).min(self.burst) - 1.0;
        *state = (tokens, now);
        if tokens < 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(-tokens / self.per_second)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn the_burst_passes_at_once_and_the_rest_at_the_rate() {
        let rate = Rate::new(10.0, 5);
        let start = Instant::now();
        for _ in 0..5 {
            rate.pass().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            rate.pass().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(990), "{:?}", start.elapsed());
    }
}
