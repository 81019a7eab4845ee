//! The in-process transport: executes requests of this process, without a network.

use std::sync::Arc;
use std::time::Duration;

use khabar_graphql::document::OperationRequest;
use khabar_graphql::response::RequestError;
use serde_json::{Value, json};

use crate::auth::PresentedCredentials;
use crate::context::ContextSource;
use crate::request::Request;
use crate::service::{Response, Service};

/// A client of a service in the same process. Cheap to clone.
pub struct Client<C> {
    service: Arc<Service<C>>,
    timeout: Duration,
}

impl<C> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            timeout: self.timeout,
        }
    }
}

impl<C: ContextSource> Client<C> {
    /// Creates a client whose requests are answered within `timeout`.
    pub fn new(service: Arc<Service<C>>, timeout: Duration) -> Self {
        Self { service, timeout }
    }

    /// Executes a document with these variables: a JSON object, or null for none.
    ///
    /// Fails if the variables are neither.
    pub async fn query(
        &self,
        document: &str,
        variables: &Value,
        credentials: PresentedCredentials,
    ) -> Result<Response, RequestError> {
        let json = json!({"query": document, "variables": variables}).to_string();
        let operation = OperationRequest::from_json(json.as_bytes())?;
        Ok(self
            .execute(Request {
                credentials: Ok(credentials),
                ..self.request(operation)
            })
            .await)
    }

    /// Creates the request of an anonymous reader, which may be changed before it is executed.
    pub fn request(&self, operation: OperationRequest) -> Request {
        Request::new(operation, self.timeout)
    }

    /// Executes a request.
    pub async fn execute(&self, request: Request) -> Response {
        self.service.execute(&request).await
    }
}
