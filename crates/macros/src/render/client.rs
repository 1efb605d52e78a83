//! The typed client: one method for each of the API's, and the casts again for all servers.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemTrait, Path};

use super::table;
use crate::api::{Api, Argument, Method, Returns};
use crate::rpc_api::Names;

pub(crate) fn render(api: &Api, item: &ItemTrait) -> TokenStream {
    let krate = &api.settings.krate;
    let (vis, trait_name) = (&item.vis, &item.ident);
    let Names { client, .. } = Names::of(item);
    let table = table::methods(api);
    let namespace = api.settings.namespace.iter();
    let methods = api.methods.iter().map(|method| sender(api, method));
    let docs = format!("Calls the API [`{trait_name}`] of a server elsewhere.");
    let (fanout, fanout_type) = render_fanout(api, item);
    quote! {
        #[doc = #docs]
        #[derive(Debug, Clone)]
        #[allow(dead_code)]
        #vis struct #client {
            rpc: #krate::rpc::PreparedClient,
        }

        #[allow(dead_code)]
        impl #client {
            /// The methods of the API.
            pub const METHODS: &'static [#krate::rpc::MethodInfo] = #table;

            /// A client that sends with `rpc`, whose target says where to. The namespace and the versions are the
            /// API's.
            #[must_use]
            pub fn new(rpc: &#krate::rpc::RpcClient) -> Self {
                Self { rpc: rpc.prepare()#(.namespace(#namespace))* }
            }

            /// A client with other settings: `client.with(|rpc| rpc.exchange("nova"))`.
            #[must_use]
            pub fn with(
                &self,
                change: impl ::core::ops::FnOnce(#krate::rpc::PreparedClient) -> #krate::rpc::PreparedClient,
            ) -> Self {
                Self { rpc: change(self.rpc.prepare()) }
            }

            /// A client of the one server that is named `server`.
            #[must_use]
            pub fn with_server(&self, server: impl ::core::convert::Into<::std::string::String>) -> Self {
                Self { rpc: self.rpc.prepare().server(server) }
            }

            /// A client whose calls wait this long.
            #[must_use]
            pub fn with_timeout(&self, timeout: ::core::time::Duration) -> Self {
                Self { rpc: self.rpc.prepare().timeout(timeout) }
            }

            #fanout

            #(#methods)*
        }

        #fanout_type
    }
}

/// The method that gives the fanout client, and that type, if there are casts.
fn render_fanout(api: &Api, item: &ItemTrait) -> (Option<TokenStream>, Option<TokenStream>) {
    let krate = &api.settings.krate;
    let vis = &item.vis;
    let Names { fanout, .. } = Names::of(item);
    let casts: Vec<_> = api
        .methods
        .iter()
        .filter(|method| method.is_cast())
        .collect();
    if casts.is_empty() {
        return (None, None);
    }
    let docs = format!(
        "The casts of [`{}`], to all servers of the topic.",
        item.ident
    );
    let senders = casts.into_iter().map(|method| sender(api, method));
    let method = quote! {
        /// The casts, to all servers of the topic.
        #[must_use]
        pub fn fanout(&self) -> #fanout {
            #fanout { rpc: self.rpc.prepare().fanout(true) }
        }
    };
    let ty = quote! {
        #[doc = #docs]
        #[derive(Debug, Clone)]
        #[allow(dead_code)]
        #vis struct #fanout {
            rpc: #krate::rpc::PreparedClient,
        }

        #[allow(dead_code)]
        impl #fanout {
            #(#senders)*
        }
    };
    (Some(method), Some(ty))
}

/// The method that sends one request.
fn sender(api: &Api, method: &Method) -> TokenStream {
    let krate = &api.settings.krate;
    let Method {
        ident,
        name,
        cfgs,
        docs,
        context,
        arguments,
        ..
    } = method;
    let summary = summary(api, method);
    let context_parameter = context.iter().map(|(ident, ty)| quote!(#ident: #ty));
    let parameters = arguments
        .iter()
        .map(|Argument { ident, ty, .. }| quote!(#ident: #ty));
    let parameters = context_parameter.chain(parameters);
    let context = context.as_ref().map_or_else(
        || quote!(&#krate::wire::Context::default()),
        |(ident, _)| quote!(#ident),
    );
    // Types that can't be sent or received are complained about in their places.
    let values = arguments.iter().map(
        |Argument {
             ident, name, ty, ..
         }| { quote_spanned!(ty.span()=> .with(#name, &#ident)) },
    );
    let version = sent_version(api, method);
    let (output, send) = output(krate, method);
    quote! {
        #(#cfgs)*
        #(#docs)*
        #[doc = #summary]
        pub async fn #ident(&self, #(#parameters),*) -> #output {
            self.rpc
                .prepare()
                #version
                .#send(#context, #name, &#krate::rpc::NoArguments #(#values)*)
                .await
        }
    }
}

/// The client's return type, and the function of `PreparedClient` that gives it.
fn output(krate: &Path, method: &Method) -> (TokenStream, Ident) {
    let send = |name| Ident::new(name, method.returns.span_or(method.span()));
    let result = quote!(::core::result::Result);
    let call_error = quote!(#krate::rpc::CallError);
    match &method.returns {
        Returns::Nothing if method.is_cast() => (quote!(#result<(), #call_error>), send("cast")),
        Returns::Nothing => (quote!(#result<(), #call_error>), send("call")),
        Returns::Value(ty) => (quote!(#result<#ty, #call_error>), send("call")),
        Returns::Result {
            parts: Some(parts), ..
        } => {
            let (value, error) = &**parts;
            let error = quote!(#krate::rpc::TypedCallError<#error>);
            (quote!(#result<#value, #error>), send("call_typed"))
        }
        // Refused when the trait was parsed.
        Returns::Result { ty, parts: None } => (quote!(#ty), send("call_typed")),
    }
}

/// A method without a version has been there since the start of the API's major.
fn sent_version(api: &Api, method: &Method) -> Option<TokenStream> {
    let version = match (&method.version, &api.settings.version) {
        (Some(version), _) => table::version(version),
        (None, Some(api)) => {
            let major = api.major;
            quote!((#major, 0u32))
        }
        (None, None) => return None,
    };
    Some(quote!(.version(#version)))
}

fn summary(api: &Api, method: &Method) -> String {
    let verb = if method.is_cast() { "Casts" } else { "Calls" };
    let version = match (&method.version, &api.settings.version) {
        (Some(version), _) => format!(" of version {}", version.text.value()),
        (None, Some(api)) => format!(" of version {}.0", api.major),
        (None, None) => String::new(),
    };
    let space = if method.docs.is_empty() { "" } else { "\n\n " };
    format!("{space}{verb} `{}`{version}.", method.name.value())
}
