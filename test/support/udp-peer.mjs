#!/usr/bin/env node
/**
 * The other machine of a UDP test: sends what a line on standard input says, tells what comes.
 *
 *     in   {"send":"TEXT","to":"10.9.0.1","port":694,"from":"10.9.0.2"}   (from: optional)
 *          {"join":"239.1.1.1","port":7000}   {"listen":694}
 *     out  {"ready":true}   {"got":"TEXT","from":"10.9.0.1","on":694}
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const sockets = new Map();

function socketOn(address, port, done = () => undefined) {
  const key = `${address}:${port}`;
  const known = sockets.get(key);
  if (known !== undefined) return done(known);
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  sockets.set(key, socket);
  socket.on('message', (bytes, from) => say({ got: bytes.toString(), from: from.address, on: port }));
  socket.on('error', (error) => say({ error: error.message }));
  socket.bind({ address, port }, () => {
    socket.setBroadcast(true);
    done(socket);
  });
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  if (order.listen !== undefined) socketOn('0.0.0.0', order.listen, () => say({ ready: true }));
  if (order.join !== undefined) {
    socketOn('0.0.0.0', order.port, (socket) => {
      socket.addMembership(order.join, order.through);
      socket.setMulticastInterface(order.through);
      say({ ready: true });
    });
  }
  if (order.send !== undefined) {
    socketOn(order.from ?? '0.0.0.0', 0, (socket) => socket.send(order.send, order.port, order.to));
  }
}).on('close', () => process.exit(0));
say({ ready: true });
