use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use serde_json::Value;

use super::super::facts::{Queue, Read};
use super::read_optional;
use crate::access::Access;

/// Reads the number of messages of a queue and the error in the first one. Receiving a message is optional,
/// because a read-only principal may not be allowed to. The message stays visible. `None` if the queue does not exist.
pub(super) async fn read(access: &Access, url: &str) -> Read<Option<Queue>> {
    let client = Client::new(access.config());
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let attributes = client.get_queue_attributes().queue_url(url);
    let attributes = attributes.attribute_names(name.clone()).send().await;
    let missing = &[
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
    ];
    let Some(attributes) = read_optional("sqs:GetQueueAttributes", missing, attributes)? else {
        return Ok(None);
    };
    let messages = attributes
        .attributes()
        .and_then(|attributes| attributes.get(&name));
    let messages = messages.and_then(|number| number.parse().ok()).unwrap_or(0);
    if messages == 0 {
        return Ok(Some(Queue {
            messages,
            first_error: None,
        }));
    }
    let received = client.receive_message().queue_url(url);
    let received = received
        .visibility_timeout(0)
        .message_attribute_names("All")
        .send()
        .await;
    let first_error = received
        .ok()
        .and_then(|received| error(received.messages().first()?));
    Ok(Some(Queue {
        messages,
        first_error,
    }))
}

/// Returns the error in a message: of the function in the body, or of EventBridge in the attributes.
fn error(message: &Message) -> Option<String> {
    let attribute = |name| message.message_attributes()?.get(name)?.string_value();
    if let Some(code) = attribute("ERROR_CODE") {
        let message = attribute("ERROR_MESSAGE").unwrap_or_default();
        return Some(format!("{code}: {message}"));
    }
    let body: Value = serde_json::from_str(message.body()?).ok()?;
    let response = &body["responsePayload"];
    let kind = response["errorType"].as_str()?;
    let message = response["errorMessage"].as_str().unwrap_or_default();
    Some(format!("{kind}: {message}"))
}
