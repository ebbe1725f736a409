//! Requests that wait in front of a limit: a layer where they come, and one where they are let in.

use super::Server;
use super::counts::{Count, Counts};
use http::Request;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// A pair of layers around whatever makes requests wait; from [`Server::queue`].
///
/// ```
/// use runtime_metrics::collectors::web::Server;
/// use tower_layer::Layer;
///
/// # fn limit<S>(service: S) -> S { service }
/// # fn around<S: Clone>(service: S) {
/// let queue = Server::new("limited").queue();
/// let service = queue.enter().layer(limit(queue.admit().layer(service)));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Queue(Server);

impl Server {
    /// What counts requests that wait in front of a limit: with tower's `ServiceBuilder`
    /// `.layer(queue.enter()).concurrency_limit(100).layer(queue.admit())`, around any layer that lets
    /// requests wait. A request costs about 80 ns, and 110 ns
    /// where nothing else is in its extensions. In axum a limit is of one connection, unless it is
    /// tower's `GlobalConcurrencyLimitLayer`.
    ///
    /// Who waits must be in the request's own future, which `enter` sees to; so the service behind it
    /// is cloned for each request, as axum does. The two find each other through the request's
    /// extensions.
    ///
    /// # Where to put `load_shed` and `buffer`
    ///
    /// **Between the two**, never in front of `enter`, which is always ready: what asks whether there is room
    /// would always be told that there is. In front of it `load_shed` would shed nothing, `buffer` would have no
    /// bound, and requests would wait without end for what is behind it. Behind it they do what they should, and what
    /// waits in a buffer is counted as well:
    ///
    /// ```text
    /// .layer(queue.enter()).load_shed().buffer(50).concurrency_limit(100).layer(queue.admit())
    /// ```
    ///
    /// ```
    /// let queue = runtime_metrics::collectors::web::Server::new("queueing").queue();
    /// let (outer, inner) = (queue.enter(), queue.admit());
    /// ```
    pub fn queue(&self) -> Queue {
        self.0.queues.store(true, Relaxed);
        Queue(*self)
    }
}

impl Queue {
    /// The outer layer: here a request begins to wait. It is always ready, so `load_shed` and `buffer` come
    /// after it, see [`Server::queue`].
    ///
    /// ```
    /// let enter = runtime_metrics::collectors::web::Server::new("enter").queue().enter();
    /// ```
    pub fn enter(&self) -> Enter {
        Enter(self.0.0.counts)
    }

    /// The inner layer: here it is let in.
    ///
    /// ```
    /// let admit = runtime_metrics::collectors::web::Server::new("admit").queue().admit();
    /// ```
    pub fn admit(&self) -> Admit {
        Admit(())
    }
}

/// A request that waits, until it is let in or given up: in its extensions, so that it goes wherever the
/// request goes.
#[derive(Debug)]
struct Ticket(Option<Counts>);

/// A copy of a request waits in the place of none.
impl Clone for Ticket {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(counts) = self.0.take() {
            counts.down(Count::Queued);
        }
    }
}

/// The outer layer of a [`Queue`].
///
/// ```
/// # fn name(layer: runtime_metrics::collectors::web::Enter) {}
/// ```
#[derive(Clone, Debug)]
pub struct Enter(Counts);

impl<S> Layer<S> for Enter {
    type Service = Entered<S>;

    fn layer(&self, service: S) -> Entered<S> {
        Entered { service, counts: self.0 }
    }
}

/// A service in front of which requests wait.
///
/// ```
/// # fn name<S>(service: runtime_metrics::collectors::web::Entered<S>) {}
/// ```
#[derive(Clone, Debug)]
pub struct Entered<S> {
    service: S,
    counts: Counts,
}

impl<S, B> Service<Request<B>> for Entered<S>
where
    S: Service<Request<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Waiting<S, Request<B>, S::Future>;

    /// Always: who asks the limit here would wait without being counted. A layer that asks it for the sake of a
    /// `load_shed` in front would count nobody; and behind this one `load_shed` does its work.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.counts.up(Count::Queued);
        request.extensions_mut().insert(Ticket(Some(self.counts)));
        Waiting { step: Step::Asks { service: self.service.clone(), request: Some(request) } }
    }
}

pin_project! {
    /// A request that waits, and then runs.
    ///
    /// ```
    /// # fn name<S, R, F>(future: runtime_metrics::collectors::web::Waiting<S, R, F>) {}
    /// ```
    #[derive(Debug)]
    pub struct Waiting<S, R, F> {
        #[pin]
        step: Step<S, R, F>,
    }
}

pin_project! {
    #[project = StepNow]
    #[derive(Debug)]
    enum Step<S, R, F> {
        Asks { service: S, request: Option<R> },
        Runs { #[pin] answer: F },
    }
}

impl<S, R> Future for Waiting<S, R, S::Future>
where
    S: Service<R>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepNow::Asks { service, request } => {
                    ready!(service.poll_ready(context))?;
                    // A future that is done is not polled again.
                    let Some(request) = request.take() else { return Poll::Pending };
                    let answer = service.call(request);
                    this.step.set(Step::Runs { answer });
                }
                StepNow::Runs { answer } => return answer.poll(context),
            }
        }
    }
}

/// The inner layer of a [`Queue`].
///
/// ```
/// # fn name(layer: runtime_metrics::collectors::web::Admit) {}
/// ```
#[derive(Clone, Debug)]
pub struct Admit(());

impl<S> Layer<S> for Admit {
    type Service = Admitted<S>;

    fn layer(&self, service: S) -> Admitted<S> {
        Admitted(service)
    }
}

/// A service to which requests are let in.
///
/// ```
/// # fn name<S>(service: runtime_metrics::collectors::web::Admitted<S>) {}
/// ```
#[derive(Clone, Debug)]
pub struct Admitted<S>(S);

impl<S, B> Service<Request<B>> for Admitted<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        drop(request.extensions_mut().remove::<Ticket>());
        self.0.call(request)
    }
}
