// Asks one question as a support chat would, and prints what came back as JSON.
// Usage: OUTLAY_URL=… OUTLAY_KEY=… node support_chat.mjs USER plain|streamed
import OpenAI from 'openai'

const [user, kind] = process.argv.slice(2)
const gateway = new OpenAI({
  apiKey: process.env.OUTLAY_KEY,
  baseURL: `${process.env.OUTLAY_URL}/v1`,
  maxRetries: 0,
})
const question = {
  model: 'gpt-4o',
  messages: [{ role: 'user', content: 'Can I change my delivery address?' }],
  stream: kind === 'streamed',
}
const headers = {
  'X-Cost-Feature': 'support-chat',
  'X-Cost-Department': 'customer-success',
  'X-Cost-User': user,
}

const { data, response } = await gateway.chat.completions
  .create(question, { headers })
  .withResponse()

let text = ''
if (kind === 'streamed') {
  for await (const chunk of data) {
    if (chunk.choices.length === 0) throw new Error('a chunk that nobody asked for')
    text += chunk.choices[0].delta.content ?? ''
  }
} else {
  text = data.choices[0].message.content
}
console.log(JSON.stringify({ text, requestId: response.headers.get('x-cost-request-id') }))
