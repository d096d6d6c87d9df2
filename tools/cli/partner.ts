/**
 * Who a person talks with: a model that was loaded here, or one that runs elsewhere.
 * @module
 */
import { Chat, type ChatOptions } from "../library/chat.ts";
import type { ChatTemplate, TemplateChoice } from "../library/chat-template.ts";
import type { Glm } from "../library/glm.ts";
import { EndpointVoice } from "../remote/endpoint-voice.ts";
import { openRemoteModel } from "../remote/remote-model.ts";
import { TemplateVoice } from "../remote/template-voice.ts";
import type { TextOut } from "./text-out.ts";
import { clientOf, findEndpoint, sayNotes, type UrlChoice } from "./url-option.ts";

/** What is said of it. */
export interface Partner {
  /** Its name, for people. */
  readonly name: string;
  /** What computes, for people. */
  readonly how: string;
  /** Tokens that a conversation may have. */
  readonly maxContext: number;
  /** The folder of its files, which must not be written over. */
  readonly folder: string | undefined;
}

/** A model that was loaded here. */
export function localPartner({ source, arithmetic, config }: Glm): Partner {
  const { name, folder } = source;
  return { name, folder, how: arithmetic, maxContext: config.maxPositionEmbeddings };
}

/** How a model elsewhere is talked with. */
export interface RemotePartnerOptions extends UrlChoice {
  readonly model?: string;
  readonly chatTemplate?: TemplateChoice;
  readonly ignoreConfigKey?: readonly string[];
  /** Whether its own template makes the prompts. */
  readonly serverTemplate?: boolean;
}

/** A conversation with a model elsewhere. */
export interface RemoteTalk {
  readonly partner: Partner;
  readonly template: ChatTemplate;
  chat(options: ChatOptions): Chat;
}

/** Finds a model elsewhere, and says on stderr how it is asked. */
export async function remoteTalk(
  url: string,
  options: RemotePartnerOptions,
  stderr: TextOut,
): Promise<RemoteTalk> {
  const { model: folder, chatTemplate, ignoreConfigKey: ignoreConfigKeys } = options;
  const model = await openRemoteModel(folder, { chatTemplate, ignoreConfigKeys });
  const client = clientOf(url, options);
  const named = { folder: model.folder, how: client.url };
  if (options.serverTemplate) {
    const voice = new TemplateVoice(client, model);
    sayNotes(client.url, [`chats, with its own template and parser`], stderr);
    return {
      partner: { ...named, name: await client.model(), maxContext: voice.maxContext },
      template: model.template,
      chat: (chatOptions) => new Chat(voice, chatOptions),
    };
  }
  const endpoint = await findEndpoint(client, model, stderr);
  const voice = new EndpointVoice(endpoint, model);
  return {
    partner: { ...named, name: endpoint.name, maxContext: voice.maxContext },
    template: model.template,
    chat: (chatOptions) => new Chat(voice, chatOptions),
  };
}
