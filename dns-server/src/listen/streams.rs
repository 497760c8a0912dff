//! DNS over TCP, through hickory-server: its listener reads messages and writes replies, what they
//! say is ours.
//!
//! Two things differ from UDP, both hickory's (0.26.3):
//! - A message that it cannot decode never gets here. It answers FORMERR without the question, also
//!   to what calls itself a response.
//! - It does not compress an answer's owner name against the question: a longer reply, which says
//!   the same.

use std::{net::TcpListener, sync::Arc, time::Duration};

use async_trait::async_trait;
use hickory_server::{
    Server,
    net::{NetError, runtime::Time},
    proto::{
        op::{Header, HeaderCounts, Message, Metadata, ResponseCode},
        serialize::binary::BinDecoder,
    },
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
    zone_handler::{MessageResponseBuilder, Queries},
};
use tokio_util::task::TaskTracker;

use crate::{
    service::Service,
    wire::{HEADER, question::Transport},
};

/// How long a connection may stay idle (RFC 7766 §6.2.3: a few seconds).
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Replies that wait to be written on one connection.
const RESPONSE_BUFFER: usize = 32;

/// Answers what hickory's listeners read.
pub(crate) struct StreamHandler {
    pub(crate) service: Arc<Service>,
    /// Questions in hand, to be waited for at the end.
    pub(crate) tasks: TaskTracker,
}

/// A server of those sockets; it runs from now on, until shut down.
///
/// # Errors
/// A socket cannot be handed to the runtime.
pub(crate) fn serve(
    listeners: Vec<TcpListener>,
    handler: StreamHandler,
) -> std::io::Result<Server<StreamHandler>> {
    let mut server = Server::new(handler);
    for listener in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        server.register_listener(listener, IDLE_TIMEOUT, RESPONSE_BUFFER);
    }
    Ok(server)
}

#[async_trait]
impl RequestHandler for StreamHandler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        response: R,
    ) -> ResponseInfo {
        let _in_hand = self.tasks.token();
        let snapshot = Arc::clone(&self.service.snapshot());
        let group = snapshot.group_of(request.src().ip());
        let reply = snapshot.answer(group, Transport::Stream, request.as_slice()).await;
        let sent = match reply {
            Some(reply) => send(request, &reply, response).await,
            None => Ok(nothing(request.metadata)),
        };
        // A reply that cannot be sent: the client has hung up.
        sent.unwrap_or_else(|_| nothing(request.metadata))
    }
}

/// Passes a finished message on; hickory takes only one that it encodes itself.
async fn send(
    request: &Request,
    reply: &[u8],
    mut response: impl ResponseHandler,
) -> Result<ResponseInfo, NetError> {
    let Ok(message) = Message::from_vec(reply) else {
        // From an upstream that hickory does not understand: an answer, if a poor one.
        let builder = MessageResponseBuilder::from_message_request(request);
        let failure = builder.error_msg(&request.metadata, ResponseCode::ServFail);
        return response.send_response(failure).await;
    };
    let mut decoder = BinDecoder::new(reply.get(HEADER..).unwrap_or_default());
    let queries = Queries::read(&mut decoder, message.queries.len())?;
    let builder = MessageResponseBuilder::new(&queries, message.edns.as_ref());
    let message_response = builder.build(
        message.metadata,
        &message.answers,
        &message.authorities,
        [],
        &message.additionals,
    );
    response.send_response(message_response).await
}

/// What hickory wants to hear of a request that got no reply.
fn nothing(metadata: Metadata) -> ResponseInfo {
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}
