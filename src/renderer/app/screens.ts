/** The screens of the console, in the order of the rail; their position is their number key. */
import {
  Activity,
  ArrowRightLeft,
  FlaskConical,
  LayoutDashboard,
  ListTree,
  Network,
  ScrollText,
  Server,
  Settings,
} from '@lucide/vue';
import type { Component } from 'vue';

export interface Screen {
  readonly name: string;
  readonly path: string;
  readonly title: string;
  readonly icon: Component;
}

export const SCREENS: readonly Screen[] = [
  { name: 'overview', path: '/', title: 'Overview', icon: LayoutDashboard },
  { name: 'topology', path: '/topology', title: 'Topology', icon: Network },
  { name: 'machines', path: '/machines', title: 'Virtual machines', icon: Server },
  { name: 'queues', path: '/queues', title: 'Queues', icon: ListTree },
  { name: 'switch', path: '/switch', title: 'Switch', icon: Activity },
  { name: 'migration', path: '/migration', title: 'Migration', icon: ArrowRightLeft },
  { name: 'labs', path: '/labs', title: 'Labs', icon: FlaskConical },
  { name: 'events', path: '/events', title: 'Events', icon: ScrollText },
  { name: 'settings', path: '/settings', title: 'Settings', icon: Settings },
];
